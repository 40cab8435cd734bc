"""The record of a training under way: its row in the database, for the pages, and `run.log` in its folder.

If the database is locked or gone, or the log cannot be written, that is noted and the training goes on.
"""

import errno
import logging
import os
import signal
import time
import traceback
from pathlib import Path
from typing import Any

from django.db import Error as DatabaseTrouble
from django.db import close_old_connections, connection
from django.utils import timezone

from galaxies.ml.bundle import BundleError
from galaxies.ml.data.dataset import DatasetError
from galaxies.ml.loop import Report, Stopped, TrainingError
from galaxies.models import ModelVersion, TrainingRun
from galaxies.training import folders

logger = logging.getLogger(__name__)

State = TrainingRun.State
EXPECTED = (DatasetError, TrainingError, BundleError)
WRITE_SECONDS = 2.0
LISTEN_SECONDS = 1.0
TROUBLE_SECONDS = 60.0  # between two notes of a database that is gone
LAST_TRIES = (0, 1, 4, 15, 40)  # seconds before each attempt to write how it ended
LOG = "run.log"
TAIL_BYTES = 20_000


def tail(name: str, lines: int) -> list[str]:
    """Return the last lines of the log of the run of that name; none if it has no log."""
    path = folders.path_of(name) / LOG
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return file.read().decode(errors="replace").splitlines()[-lines:]


class Record:
    """The row and the log of the training under way in this process."""

    def __init__(self, row: TrainingRun, folder: Path, stopping: list[int], worker: int | None = None) -> None:
        self.row = row
        self._log = folder / LOG
        self._stopping = stopping
        self._worker = worker
        self._phase = ""
        self._written = self._listened = self._troubled = self._counted = 0.0
        self._state, self._why = State.INTERRUPTED, ""
        self.say("Started." if not self._log.exists() else "Started again.")

    def say(self, text: str) -> None:
        """Append a dated line to the log."""
        try:
            with self._log.open("a") as file:
                file.write(f"{timezone.now():%Y-%m-%d %H:%M:%S} {text}\n")
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._log.name, error)

    def report(self, report: Report) -> None:
        """Write the progress of a phase: every WRITE_SECONDS, and at once when a phase begins."""
        now = time.monotonic()
        if report.phase != self._phase:
            self._phase = report.phase
            self.say(f"Phase {report.phase}.")
        elif now - self._written < WRITE_SECONDS:
            return
        self._written = now
        self._write(
            phase=report.phase,
            images=report.images,
            images_per_second=report.images_per_second,
            share=report.share,
            eta_seconds=report.eta_seconds,
            losses=report.losses,
        )

    def count(self, stage: str, done: int, total: int) -> None:
        """Write the progress of what counts things, before and after the training. Raises: Stopped."""
        if stage != self._phase:
            self._counted = time.monotonic()
        rate = done / max(time.monotonic() - self._counted, 0.1)
        self.report(Report(stage, done, rate, done / max(total, 1), (total - done) / rate if rate else 0.0))
        if self.should_stop():
            raise Stopped(f"Stopped in phase {stage}, which begins anew.")

    def should_stop(self) -> bool:
        """Tell whether the run was cancelled, a signal came, or the worker that started this process is gone."""
        if self._stopping and not self._why:
            self._why = f"It was told to stop by {signal.Signals(self._stopping[0]).name}."
        if self._worker and os.getppid() != self._worker and not self._why:
            self._why = "The worker that had started it is gone."
        if not self._why and time.monotonic() - self._listened >= LISTEN_SECONDS:
            self._listened = time.monotonic()
            if self._is_cancelled():
                self._state, self._why = State.CANCELLED, "Cancelled."
        return bool(self._why)

    def stopped(self, stopped: Stopped) -> tuple[TrainingRun.State, str]:
        """Return state and message of a training that was stopped."""
        return self._state, f"{self._why} {stopped}".strip()

    def end(self, state: TrainingRun.State, message: str, error: BaseException | None = None) -> None:
        """Write how the training ended, with several attempts: nothing else would tell."""
        expected = error is None or isinstance(error, EXPECTED)
        self.say(message if expected else "".join(traceback.format_exception(error)))
        for seconds in LAST_TRIES:
            time.sleep(seconds)
            if self._write(state=state, message=message, finished=timezone.now(), cancel_requested=False):
                return
        logger.error("How %s ended cannot be written: %s", self.row, message)

    def registered(self, version: ModelVersion) -> None:
        """Write which model version the training has made."""
        self.say(f"Model version {version} is registered.")
        self._write(model_version=version)

    def _is_cancelled(self) -> bool:
        try:
            renew_connection()
            return TrainingRun.objects.filter(pk=self.row.pk, cancel_requested=True).exists()
        except DatabaseTrouble as error:
            self._note(error)
            return False

    def _write(self, **values: Any) -> bool:
        try:
            renew_connection()
            TrainingRun.objects.filter(pk=self.row.pk).update(**values)
        except DatabaseTrouble as error:
            self._note(error)
            return False
        return True

    def _note(self, error: DatabaseTrouble) -> None:
        now = time.monotonic()
        if not self._troubled or now - self._troubled >= TROUBLE_SECONDS:
            self._troubled = now
            self.say(f"The database does not answer, the training goes on: {error}")
            logger.warning("The progress of %s cannot be written, the training goes on: %s", self.row, error)


def renew_connection() -> None:
    """Close a connection that the database has dropped, so that Django opens a new one, as it does between requests."""
    if not connection.in_atomic_block:
        close_old_connections()


def in_one_sentence(error: Exception) -> str:
    """Return what went wrong in a training, in one sentence for people."""
    first = next(iter(str(error).splitlines()), "")
    if isinstance(error, EXPECTED):
        return first
    if isinstance(error, OSError):
        if error.errno == errno.ENOSPC:
            return "The disk is full: make room and resume."
        what = Path(error.filename).name if error.filename else "A file"
        return f"{what} cannot be read or written ({error.strerror or first}): mend that and resume."
    return f"It failed unexpectedly ({type(error).__name__}: {first[:200]}): its log has more."
