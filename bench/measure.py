"""How long a page takes: what the benchmarks of pages have in common."""

import statistics
import sys
import time
from collections.abc import Callable

Ask = Callable[[], int]  # asks for a page, returns the status


def measure(name: str, ask: Ask, rounds: int, limit_ms: float) -> bool:
    """Ask many times, print what it took. Returns: whether it was quick and took the same queries each time."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask()
    seconds, queries = [], set()
    for _ in range(rounds):
        with CaptureQueriesContext(connection) as captured:
            started = time.perf_counter()
            status = ask()
            seconds.append(time.perf_counter() - started)
        queries.add(len(captured))
        if status != 200:
            sys.exit(f"{name} answered {status}")
    median, worst = statistics.median(seconds) * 1000, max(seconds) * 1000
    print(f"{name:40} median {median:6.1f} ms, worst {worst:6.1f} ms, queries {sorted(queries)}", flush=True)
    return median <= limit_ms and len(queries) == 1
