"""How long a page takes: what the benchmarks of pages have in common."""

import statistics
import sys
import time
from collections.abc import Callable

Ask = Callable[[], int]  # asks for a page, returns the status


def measure(name: str, ask: Ask, rounds: int, limit_ms: float) -> bool:
    """Ask many times, print what it took. On a busy machine the CPU's time says more than the clock's.

    Returns: whether the median was quick enough and each round took the same number of queries.
    """
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask()
    seconds, busy, queries = [], [], set()
    for _ in range(rounds):
        with CaptureQueriesContext(connection) as captured:
            started, worked = time.perf_counter(), time.process_time()
            status = ask()
            seconds.append(time.perf_counter() - started)
            busy.append(time.process_time() - worked)
        queries.add(len(captured))
        if status != 200:
            sys.exit(f"{name} answered {status}")
    median, worst, cpu = statistics.median(seconds) * 1000, max(seconds) * 1000, statistics.median(busy) * 1000
    print(
        f"{name:40} median {median:6.1f} ms, worst {worst:6.1f} ms, CPU {cpu:5.1f} ms, queries {sorted(queries)}",
        flush=True,
    )
    return median <= limit_ms and len(queries) == 1
