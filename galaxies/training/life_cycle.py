"""The states of a training run: who trains now, how a training ended, and which one was interrupted.

    with recorded(run, stopping) as record: ...         # manage.py train, which does the work
    recover()                                           # marks a run whose process is gone as interrupted

The process that trains holds a file lock, which the kernel releases however the process ends. So a row that says
"running" while nobody holds the lock is that of a training that was interrupted.
"""

import fcntl
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from galaxies.ml.loop import Stopped
from galaxies.models import TrainingRun
from galaxies.training import folders
from galaxies.training.record import Record, in_one_sentence

logger = logging.getLogger(__name__)

State = TrainingRun.State
TASK = "galaxies.training.worker.train_run"  # not imported, since that module imports this one
WAITS = Q(status=TaskResultStatus.READY)
LOCK_SECONDS = 3.0  # more than the moment for which `recover` holds the lock
ENDING_SECONDS = 60.0  # how long a training that was cancelled may need until it has saved and its process is gone
STARTING = timedelta(minutes=1)  # how long a worker that has taken a run may need until it trains


class Refused(Exception):
    """A run cannot be started, resumed or trained now; the message says why in a sentence."""


def recover() -> TrainingRun | None:
    """Mark the run that is said to be under way as interrupted if no process trains it.

    Called when a worker starts, before every start of a run, and by the pages that show a live run.
    Returns: the run that was marked, None if there was none.
    """
    row = TrainingRun.objects.live().first()
    if row is None or (row.state == State.QUEUED and _awaited(row)):
        return None
    try:
        with lock(patience=0):
            found = TrainingRun.objects.filter(pk=row.pk, state=row.state).update(**_found_interrupted())
    except Refused:
        return None
    except DatabaseError as error:  # a full disk, for example; the next call tries again
        logger.warning("Whether %s was interrupted cannot be written: %s", row, error)
        return None
    return row if found else None


def _found_interrupted() -> dict[str, object]:
    message = "Its process ended without a word, or the machine did: resume it, it goes on from its last checkpoint."
    return {"state": State.INTERRUPTED, "finished": timezone.now(), "message": message}


def _awaited(row: TrainingRun) -> bool:
    """Tell whether the task of a queued run waits for a worker or was just taken by one."""
    return _tasks(row).filter(WAITS | Q(started_at__gt=timezone.now() - STARTING)).exists()


def _tasks(row: TrainingRun) -> "QuerySet[DBTaskResult[..., str]]":
    return DBTaskResult.objects.filter(task_path=TASK, args_kwargs__args=[row.pk])


@contextmanager
def lock(patience: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of the process that trains. Raises: Refused if it is not free after `patience` seconds."""
    path = folders.path_of("lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Refused(_busy()) from None
                time.sleep(0.1)
        yield


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raise Refused where the database refuses a second live run."""
    try:
        yield
    except IntegrityError as error:
        raise Refused(_busy()) from error


def _busy() -> str:
    live = TrainingRun.objects.live().first()
    who = f"{live} {'waits for a worker' if live.state == State.QUEUED else 'is under way'}" if live else "one is"
    return f"One training runs at a time, and {who}: cancel it, or wait until it is done."


@contextmanager
def recorded(run: folders.TrainingFolder, stopping: list[int], worker: int | None = None) -> Iterator[Record]:
    """Hold the lock and record a training: train inside of this context.

    stopping: signals received so far; worker: id of the worker process that started this one, None for a shell.
    Raises: Refused if another process trains; whatever is raised inside.
    """
    with lock(LOCK_SECONDS if worker is None else ENDING_SECONDS):
        record = Record(_claim(run, queued_only=worker is not None), run.folder, stopping, worker)
        try:
            yield record
        except Stopped as stopped:
            record.end(*record.stopped(stopped))
            raise
        except Exception as error:
            record.end(State.FAILED, in_one_sentence(error), error)
            raise


def _claim(run: folders.TrainingFolder, queued_only: bool) -> TrainingRun:
    """Return the row of a run, set to running; a folder without a row gets one. The lock must be held."""
    name = run.folder.name
    with one_at_a_time(), transaction.atomic():
        # This process holds the lock, so no other run can be under way.
        TrainingRun.objects.filter(state=State.RUNNING).update(**_found_interrupted())
        row, _ = TrainingRun.objects.get_or_create(name=name, defaults={"options": asdict(run.options)})
        if queued_only and row.state != State.QUEUED:
            raise Refused(f"{name} does not wait to be trained any more.")
        row.state, row.options, row.started, row.finished = State.RUNNING, asdict(run.options), timezone.now(), None
        row.cancel_requested, row.message = False, ""
        row.phase, row.images, row.images_per_second, row.share, row.eta_seconds, row.losses = "", 0, 0.0, 0.0, 0.0, {}
        row.save()
    return row


def settle(row: TrainingRun, code: int, last_words: str) -> str:
    """Close the row of a process that has ended, if it left it open. Returns: how the training ended.

    A run that was resumed while its process was ending waits for its next one, and is left alone.
    code: the exit status of the process, below 0 for a signal; last_words: the last line of its output.
    """
    if code < 0:
        name = signal.Signals(-code).name
        why = ", perhaps because memory ran out" if name == "SIGKILL" else ""
        state, message = State.INTERRUPTED, f"It was ended by {name}{why}: resume it from its last checkpoint."
    else:
        words = last_words.removeprefix("CommandError: ")
        state, message = (
            State.FAILED,
            words or f"It ended with status {code} and no word: resume it, or start anew.",
        )
    open_states = (State.RUNNING,) if _tasks(row).filter(WAITS).exists() else TrainingRun.LIVE
    TrainingRun.objects.filter(pk=row.pk, state__in=open_states).update(
        state=state, message=message, finished=timezone.now()
    )
    row.refresh_from_db()
    return f"{row}: {row.state}. {row.message}"
