"""A training loop that can be stopped at any moment: budget, report, checkpoint, resume.

    phase = Phase("adversarial", step, {"generator": generator, "optimizer": optimizer}, batch=32)
    run_phase(phase, Budget(minutes=60), run, reporter)

Everything a phase needs to go on lies in one file, written beside the old one and renamed over it.
"""

from __future__ import annotations

import csv
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from galaxies.ml.workers import ALONE, Workers

ADVERSARIAL, REFINEMENT, STAGE = FIRST_PHASES = ("adversarial", "refinement", "stage")  # where a finished model goes on

CHECKPOINT_SECONDS = 120.0
REPORT_SECONDS = 60.0
FIRST_SECONDS, FIRST_REPORT_SECONDS = 120.0, 10.0  # a phase shows early whether it goes well
PROGRESS_SECONDS = 1.0
# What reading a damaged file raises
DAMAGED = (BadZipFile, EOFError, LookupError, NotImplementedError, TypeError, ValueError, zlib.error)
FORMER_NAMES = {"feature_network": "eyes"}  # of checkpoints in the folders of earlier runs


class TrainingError(Exception):
    """Training cannot go on; the message says why and what to do."""


class Stopped(Exception):
    """Training was asked to stop; the last checkpoint holds everything."""


@dataclass(frozen=True)
class Budget:
    """Ends a phase at whichever comes first."""

    images: int | None = None
    minutes: float | None = None

    def share_done(self, images: int, seconds: float) -> float:
        """Return how much is used up, 0 to 1; a phase without a bound never ends."""
        by_images = images / self.images if self.images else 0.0
        by_time = seconds / (self.minutes * 60) if self.minutes else 0.0
        return min(1.0, max(by_images, by_time))


@dataclass
class Phase:
    """step(number) -> losses by name; state: Keras models and optimizers whose variables are the whole state.

    sample writes a sheet at every report; measure(images seen) returns numbers for the log, every measure_seconds.
    """

    name: str
    step: Callable[[int], Mapping[str, Any]]
    state: Mapping[str, Any]
    batch: int
    sample: Callable[[Path], None] | None = None
    measure: Callable[[int], Mapping[str, float]] | None = None
    measure_seconds: float = 240.0
    steps: int = 0
    seconds: float = 0.0


@dataclass
class Report:
    """How far a phase is, for a page or a terminal."""

    phase: str
    images: int
    images_per_second: float
    share: float
    eta_seconds: float
    losses: dict[str, float] = field(default_factory=dict)


Reporter = Callable[[Report], None]


class Run:
    """The folder of one training: checkpoints, samples, log. `should_stop` is asked between steps.

    workers: who train together; the first of them writes, and is asked whether to stop. save_seconds: between two
    checkpoints of a phase.
    """

    def __init__(
        self,
        folder: Path,
        should_stop: Callable[[], bool] = lambda: False,
        workers: Workers = ALONE,
        *,
        save_seconds: float | None = None,
    ) -> None:
        self.folder = folder
        self.should_stop = should_stop
        self.workers = workers
        self.save_seconds = CHECKPOINT_SECONDS if save_seconds is None else save_seconds
        (folder / "samples").mkdir(parents=True, exist_ok=True)

    def checkpoint(self, name: str) -> Path:
        """Return the path of a phase's checkpoint, whether it is there or not."""
        path = self.folder / f"{name}.npz"
        former = self.folder / f"{FORMER_NAMES.get(name, name)}.npz"
        if former.exists() and not path.exists():
            former.rename(path)
        return path

    def raise_if_stopped(self) -> None:
        """Raise Stopped if the run was asked to stop, between steps that keep no checkpoint of their own."""
        if self.should_stop():
            raise Stopped("Stopped between two phases, all saved.")

    def log(self, report: Report) -> None:
        """Append a line to `log.csv`: phase, images, images_per_second, losses as JSON.

        Raises: TrainingError if the disk is full.
        """
        path = self.folder / "log.csv"
        new = not path.exists()
        with writing(path), path.open("a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["phase", "images", "images_per_second", "losses"])
            writer.writerow([report.phase, report.images, f"{report.images_per_second:.1f}", json.dumps(report.losses)])


def run_phase(phase: Phase, budget: Budget, run: Run, reporter: Reporter) -> None:
    """Train until the budget is used up, from the phase's checkpoint if there is one: a larger budget goes on.

    Raises: Stopped after saving if the run was asked to stop; TrainingError if a loss is no longer a number, with the
    last good checkpoint kept.
    """
    path, leads = run.checkpoint(phase.name), run.workers.leads
    if path.exists():
        restore(phase, path)
    _start_alike(phase, run.workers)
    began, base, kept = time.monotonic(), phase.seconds, phase.steps
    saved = reported = shown = measured = began
    sums = _Window()
    share = budget.share_done(phase.steps * phase.batch, phase.seconds)
    while share < 1:
        losses = {name: float(value) for name, value in phase.step(phase.steps).items()}
        losses, phase.seconds, stopping = _agreed(losses, base + time.monotonic() - began, run)
        _check(phase, losses)
        phase.steps += 1
        sums.add(losses)
        share = budget.share_done(phase.steps * phase.batch, phase.seconds)
        now = time.monotonic()
        if leads and now - shown >= PROGRESS_SECONDS:
            shown = now
            reporter(sums.report(phase, share, now - reported))
        if share >= 1:
            break  # what is last is measured, and then saved, below
        if leads and now - reported >= (FIRST_REPORT_SECONDS if phase.seconds < FIRST_SECONDS else REPORT_SECONDS):
            due = now - measured >= phase.measure_seconds
            measured = now if due else measured
            run.log(_measured(phase, sums.report(phase, share, now - reported), due))
            _sample(phase, run)
            reported, sums = time.monotonic(), _Window()
        if leads and (stopping or now - saved >= run.save_seconds):
            save(phase, path)
            saved, kept = time.monotonic(), phase.steps
        if stopping:
            raise Stopped(f"Stopped in phase {phase.name} after {phase.steps * phase.batch:,} images, all saved.")
    if leads and sums.steps:
        last = sums.report(phase, 1.0, time.monotonic() - reported)
        reporter(last)
        run.log(_measured(phase, last, True))
        _sample(phase, run)
    if leads and phase.steps > kept:
        save(phase, path)


def alike(variables: Sequence[Any], workers: Workers) -> None:
    """Let all workers have the first one's values of these variables."""
    if workers.count > 1:
        for variable, value in zip(variables, workers.of_first([v.value for v in variables]), strict=True):
            variable.assign(value)


def _start_alike(phase: Phase, workers: Workers) -> None:
    """Let all workers begin with the weights of the first one, which nothing else makes equal."""
    alike(list(_variables(phase.state).values()), workers)
    steps, seconds = (float(value) for value in workers.of_first([np.float64(phase.steps), np.float64(phase.seconds)]))
    phase.steps, phase.seconds = int(steps), seconds


def _agreed(losses: Mapping[str, float], seconds: float, run: Run) -> tuple[dict[str, float], float, bool]:
    """Return losses, seconds and whether to stop, the same for all workers: else rates would differ, and steps end."""
    stop = float(run.should_stop())
    agreed = run.workers.mean([np.float64(value) for value in (*losses.values(), seconds, stop)])
    *values, seconds, stop = (float(value) for value in agreed)
    return dict(zip(losses, values, strict=True)), seconds, stop > 0


@dataclass
class _Window:
    """Losses since the last line of the log."""

    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, losses: Mapping[str, float]) -> None:
        self.steps += 1
        self.sums = {name: self.sums.get(name, 0.0) + value for name, value in losses.items()}

    def report(self, phase: Phase, share: float, seconds: float) -> Report:
        eta = phase.seconds / share * (1 - share) if share > 0 else 0.0
        means = {name: round(value / self.steps, 5) for name, value in self.sums.items()}
        per_second = self.steps * phase.batch / max(seconds, 1e-9)
        return Report(phase.name, phase.steps * phase.batch, per_second, share, eta, means)


def _check(phase: Phase, losses: Mapping[str, float]) -> None:
    bad = [name for name, value in losses.items() if not np.isfinite(value)]
    if bad:
        raise _diverged(phase, f"The loss {bad[0]} is")


def _diverged(phase: Phase, what: str) -> TrainingError:
    return TrainingError(
        f"{what} no longer a number at step {phase.steps} of {phase.name}: the last good checkpoint is kept, and "
        "resuming goes on from it; if it happens again, start anew with another seed."
    )


def _measured(phase: Phase, report: Report, due: bool) -> Report:
    if due and phase.measure:
        report.losses.update(phase.measure(report.images))
    return report


def _sample(phase: Phase, run: Run) -> None:
    if phase.sample:
        path = run.folder / "samples" / f"{phase.name}-{phase.steps * phase.batch:09d}.png"
        partial = path.with_name(f".{path.name}")  # a page may look at any moment
        with writing(path):
            phase.sample(partial)
            partial.replace(path)


def _variables(state: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}/{i}": v for name, owner in state.items() for i, v in enumerate(owner.variables)}


def save(phase: Phase, path: Path) -> None:
    """Write all of a phase's variables to one file, whole or not at all.

    Raises: TrainingError if one is no longer a number: a step may ruin the weights after its losses were still good.
    """
    arrays = {name: np.asarray(v.value) for name, v in _variables(phase.state).items()}
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise _diverged(phase, "A weight is")
    header = {"steps": phase.steps, "seconds": phase.seconds, "batch": phase.batch}
    write_arrays(path, {"header": np.array(json.dumps(header)), **arrays})


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """np.savez that never leaves half a file under the name `path`."""
    partial = path.with_name(path.name + ".partial")
    try:
        with writing(path), partial.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
    except TrainingError:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(path)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise TrainingError, saying what to do, where a full disk or anything else keeps `path` from being written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise TrainingError(f"{path.name} cannot be written ({reason}): make room and resume.") from error


@contextmanager
def reading(path: Path) -> Iterator[Mapping[str, Any]]:
    """Give the arrays of a file of a run by name. Raises: TrainingError, saying what to do, if it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            yield file
    except DAMAGED as error:
        raise damaged(path) from error


def damaged(path: Path) -> TrainingError:
    """Return what to say of a file of a run that cannot be read."""
    return TrainingError(f"{path.name} in {path.parent} is damaged: put back a copy of it, or start a new run.")


def read_header(path: Path) -> dict[str, Any]:
    """Return steps, seconds and batch of a checkpoint. Raises: TrainingError if it is damaged."""
    with reading(path) as file:
        header: dict[str, Any] = json.loads(str(file["header"]))
    return header


def restore(phase: Phase, path: Path) -> None:
    """Load a checkpoint into a phase. Raises: TrainingError if it is damaged or of another network."""
    header = read_header(path)
    load_state(path, phase.state)
    phase.steps, phase.seconds = header["steps"], header["seconds"]


def load_state(path: Path, state: Mapping[str, Any]) -> None:
    """Load the named parts of a checkpoint.

    Raises: TrainingError if the checkpoint is damaged or of another network.
    """
    with reading(path) as file:
        for name, variable in _variables(state).items():
            if name not in file or file[name].shape != tuple(variable.shape):
                raise TrainingError(f"{path.name} is of another network: start anew or resume with the same settings.")
            variable.assign(file[name])
