"""How long a page takes, and on which database: what the benchmarks of pages have in common."""

import argparse
import importlib.util
import logging
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import keep

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
    numbers = "/".join(map(str, sorted(queries)))
    keep(name, median, "ms", note=f"worst {worst:.1f} ms, CPU {cpu:.1f} ms, queries {numbers}")
    return median <= limit_ms and len(queries) == 1


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what benchmarks of pages take: galaxies, votes and the database."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("galaxies", type=int, nargs="?", default=1_000_000)
    parser.add_argument("votes", type=int, nargs="?", help="as many as galaxies if not given")
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL server instead of SQLite")
    return parser


def quiet() -> None:
    """Log no request: each would be a line between the figures."""
    logging.disable(logging.INFO)


@contextmanager
def database(postgres: bool) -> Iterator[str]:
    """A database's URL: "" for SQLite in the data folder, or that of a server that is gone afterwards."""
    if not postgres:
        yield ""
        return
    spec = importlib.util.spec_from_file_location("postgres", Path(__file__).parents[1] / ".ci" / "postgres.py")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    if (binaries := module.binaries()) is None:
        sys.exit(module.MISSING)
    signal.signal(signal.SIGTERM, module.end)  # else the server would stay
    with module.server(binaries) as url:
        yield url
