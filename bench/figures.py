"""What benchmarks find: printed, and kept as lines of JSON in the file that NEBULAI_BENCH_FIGURES names, if it does.

keep("forward pass, 1 image", 9.3, "ms", note="61% of the peak")
"""

import json
import os
import statistics
import time
from collections.abc import Callable


def keep(what: str, value: float, unit: str, *, note: str = "") -> None:
    """Print a figure, and keep it for bench/report.py if that asked for it."""
    print(f"{what:52} {value:10,.1f} {unit:10} {note}", flush=True)
    if path := os.environ.get("NEBULAI_BENCH_FIGURES"):
        with open(path, "a") as file:
            file.write(json.dumps({"what": what, "value": value, "unit": unit, "note": note}) + "\n")


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """Return the seconds of a call: the median of `rounds`, after one that does not count."""
    work()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
