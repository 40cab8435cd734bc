"""Make a set: the bundle paints batches, a pool of processes measures and encodes them, shards take them in order.

    made = generate_set(bundle, plan, Path("set"), report=print)       # Made(galaxies, candidates)

Batches have fixed bounds, counted from the first candidate, so that an image's pixels do not depend on where a run was
interrupted: what is painted twice is thrown away once.
"""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager, nullcontext
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from galaxies.ml.arrays import Images
from galaxies.ml.bundle import Bundle
from galaxies.ml.bundle.bundle import BATCH
from galaxies.ml.sets import catalogue
from galaxies.ml.sets.conditions import fulfils
from galaxies.ml.sets.encoding import Finished, end_with_parent, finish
from galaxies.ml.sets.papers import write_papers
from galaxies.ml.sets.plan import TRIES, Candidate, SetError, SetPlan
from galaxies.ml.sets.shards import file_of, open_shard
from galaxies.ml.sets.spool import Spool

PLAN = "set.json"
NO_PYARROW = "Parquet needs the package pyarrow: .venv/bin/pip install pyarrow, or choose another format."
AHEAD = 2  # batches that wait for each process of the pool

Report = Callable[[int], None]


class Made(NamedTuple):
    """A finished set: how many galaxies it holds, and how many were painted for it."""

    galaxies: int
    candidates: int


class Painter(NamedTuple):
    """Paints, measures and encodes batches of candidates. submit: begins a batch; ahead: how many may be under way."""

    submit: Callable[[list[Candidate]], Future[list[Finished]]]
    ahead: int


class _Galaxy(NamedTuple):
    candidate: Candidate
    finished: Finished


def generate_set(
    bundle: Bundle,
    plan: SetPlan,
    folder: Path,
    *,
    workers: int | None = None,
    painter: Painter | None = None,
    report: Report = lambda done: None,
) -> Made:
    """Make a set in `folder`, or go on with it; a finished one is left as it is.

    workers: processes that encode and measure, as many as there are cores if None. painter: does that and paints
    instead, galaxies.cluster.sets' for one. report: called with the number of
    galaxies that are done.
    Raises: SetError, and OSError if the folder cannot be written; finished shards are kept.
    """
    if plan.format == "parquet" and find_spec("pyarrow") is None:
        raise SetError(NO_PYARROW)  # before the folder is claimed
    with claimed(folder, plan):
        if catalogue.is_whole(folder):
            report(plan.count)
            return Made(plan.count, _tried(plan, folder))
        done, first = catalogue.finished(plan, folder)
        before = sum(plan.length(number) for number in range(done))
        report(before)
        processes = workers or len(os.sched_getaffinity(0))
        with nullcontext(painter) if painter else _here(bundle, plan, processes) as paints:
            galaxies: Iterator[_Galaxy] | None = None
            for number in plan.shards[done:]:
                with closing(Spool(catalogue.spool(folder, number))) as spool:
                    galaxies = galaxies or _resumed(paints, plan, spool, first)
                    first = _write_shard(
                        bundle, plan, folder, number, galaxies=galaxies, spool=spool, report=_from(report, before)
                    )
                    spool.remove()
                before += plan.length(number)
        catalogue.write_catalogue(plan, folder)
        write_papers(bundle, plan, folder, tried=first)
        catalogue.close_parts(folder)
        return Made(plan.count, first)


def _tried(plan: SetPlan, folder: Path) -> int:
    last = deque(catalogue.read_catalogue(folder), maxlen=1).pop()
    return int(last["seed"]) - plan.seed + 1


def _from(report: Report, before: int) -> Report:
    return lambda done: report(before + done)


@contextmanager
def claimed(folder: Path, plan: SetPlan) -> Iterator[None]:
    """Hold the folder of a set for this process. Raises: SetError if another set or another process has it."""
    file = folder / PLAN
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:  # pyarrow and HDF5 open no such file
        raise SetError(f"{folder} is a name that is not UTF-8: choose another folder.") from error
    if not file.exists() and folder.exists() and any(folder.iterdir()):
        raise SetError(f"{folder} holds other files and no set: choose an empty folder.")
    folder.mkdir(parents=True, exist_ok=True)
    if file.exists():
        different = list(plan.differences(read_plan(folder)))
        if different:
            raise SetError(
                f"{folder} holds another set, of another {', '.join(different)}: choose another folder, or go on with "
                "it by --resume alone."
            )
    else:
        partial = folder / f".{PLAN}.partial"
        partial.write_text(plan.as_json())
        partial.replace(file)
    with file.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetError(f"{folder} is being written by another process: wait for it, or end it.") from None
        yield


def read_plan(folder: Path) -> dict[str, Any]:
    """Return the options of the set in `folder`. Raises: SetError if there is none or it cannot be read."""
    try:
        found = json.loads((folder / PLAN).read_text())
    except FileNotFoundError:
        raise SetError(f"{folder} holds no set that could be resumed: leave --resume out to begin one.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise SetError(f"{folder / PLAN} is damaged: choose another folder.")
    return found


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    # Spawned, never forked: TensorFlow's threads do not survive a fork.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=end_with_parent)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise SetError("A process of the pool was ended, for lack of memory perhaps: run the same again.") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _here(bundle: Bundle, plan: SetPlan, workers: int) -> Iterator[Painter]:
    """Yield a painter of this process, with a pool that measures and encodes."""
    with _pool(workers) as pool:

        def submit(batch: Sequence[Candidate]) -> Future[list[Finished]]:
            return pool.submit(finish, *paint(bundle, plan, batch), plan.format, side=plan.size, measure=plan.measures)

        yield Painter(submit, AHEAD * workers)


def paint(bundle: Bundle, plan: SetPlan, batch: Sequence[Candidate]) -> tuple[Images, list[dict[str, Any]]]:
    """Return the images (N, H, W, 3) uint8 of candidates, and their recipes."""
    clusters, seeds = [each.cluster for each in batch], [each.seed for each in batch]
    images = bundle.sample(clusters, seeds, plan.psi, steer=[plan.steer] * len(batch))
    return images, [plan.recipe(each) for each in batch]


def _finished(painter: Painter, plan: SetPlan, first: int) -> Iterator[_Galaxy]:
    """Yield all candidates from number `first` on, painted and encoded, in their order."""
    waiting: deque[tuple[list[Candidate], Future[list[Finished]]]] = deque()
    for start in range(first - first % BATCH, plan.candidates, BATCH):
        batch = plan.batch(start, BATCH)
        waiting.append((batch, painter.submit(batch)))
        while waiting and (len(waiting) > painter.ahead or waiting[0][1].done()):
            yield from _collect(waiting, first)
    while waiting:
        yield from _collect(waiting, first)


def _collect(waiting: deque[tuple[list[Candidate], Future[list[Finished]]]], first: int) -> Iterator[_Galaxy]:
    batch, future = waiting.popleft()
    for candidate, finished in zip(batch, future.result(), strict=True):
        if candidate.number >= first:
            yield _Galaxy(candidate, finished)


def _matching(painter: Painter, plan: SetPlan, first: int) -> Iterator[_Galaxy]:
    """Yield the galaxies that fulfil the conditions. Raises: SetError when too many candidates did not."""
    conditions = plan.conditions
    for galaxy in _finished(painter, plan, first):
        if not conditions or fulfils(galaxy.finished.measured or {}, conditions):
            yield galaxy
    if conditions:
        raise SetError(
            f"Of {plan.candidates:,} galaxies, {TRIES} for each that was asked for, too few fulfil {plan.where}: ask "
            "for less, or for another family, and choose another folder."
        )


def _resumed(painter: Painter, plan: SetPlan, spool: Spool, first: int) -> Iterator[_Galaxy]:
    """Yield what a run that was ended kept of its shard, then what is painted."""
    for number, finished in spool:
        first = number + 1
        yield _Galaxy(plan.candidate(number), finished)
    yield from _matching(painter, plan, first)


def _write_shard(
    bundle: Bundle,
    plan: SetPlan,
    folder: Path,
    number: int,
    *,
    galaxies: Iterator[_Galaxy],
    spool: Spool,
    report: Report,
) -> int:
    """Write a shard and its part of the catalogue. Returns: the number of the first candidate after it."""
    rows: list[dict[str, Any]] = []
    first = 0
    with open_shard(plan, folder, number) as shard:
        for candidate, finished in islice(galaxies, plan.length(number)):
            row = {
                "id": candidate.id,
                "file": file_of(plan, number, candidate.id),
                "row": len(rows),
                **plan.recipe(candidate),
                "family": bundle.families[candidate.cluster].name,
                **(finished.measured or {}),
            }
            shard.add(row, finished.content)
            spool.keep(candidate.number, finished)
            rows.append(row)
            report(len(rows))
            first = candidate.number + 1
    catalogue.write_part(plan, folder, number, rows)
    return first
