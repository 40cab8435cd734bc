"""Rows of TrainingRun: what a page asks for, who trains now, and how a training ended. They are written here alone.

    row = queue(Options(synthetic=2000, preset="tiny"), person)     # waits for the worker
    cancel(row); resume(row, person)
    with recorded(run, stopping) as record: ...                     # manage.py train: the one that does the work

Whoever trains holds a lock that the kernel takes away when its process dies, however it dies. So a row that says
"running" while nobody holds the lock is that of a training that was interrupted, and `recover` says so.
"""

import fcntl
import logging
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta

from django.conf import settings as site
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from galaxies.ml.loop import Stopped
from galaxies.models import TrainingRun
from galaxies.training import folders
from galaxies.training.record import Record, in_one_sentence

logger = logging.getLogger(__name__)

State = TrainingRun.State
TASK = "galaxies.training.worker.train_run"  # by its name: that module imports this one
LOCK_SECONDS = 3.0  # `recover` holds the lock for a moment, too
STARTING = timedelta(minutes=1)  # how long a worker that has taken a run may need until it trains


class Refused(Exception):
    """What was asked cannot be done now; the sentence says why."""


def recover() -> TrainingRun | None:
    """Mark the run as interrupted that says it is under way while nobody trains; returns it, or None.

    Called when a worker comes up, before every start, and by the pages that show a live run.
    """
    row = TrainingRun.objects.filter(state__in=TrainingRun.LIVE).first()
    if row is None or (row.state == State.QUEUED and _awaited(row)):
        return None
    try:
        with lock(patience=0):
            found = TrainingRun.objects.filter(pk=row.pk, state=row.state).update(**_found_interrupted())
    except Refused:
        return None
    except DatabaseError as error:  # a full disk, say: whoever asks next finds it
        logger.warning("Whether %s was interrupted cannot be written: %s", row, error)
        return None
    return row if found else None


def _found_interrupted() -> dict[str, object]:
    message = "Its process ended without a word, or the machine did: resume it, it goes on from its last checkpoint."
    return {"state": State.INTERRUPTED, "finished": timezone.now(), "message": message}


def _awaited(row: TrainingRun) -> bool:
    """Whether a worker has yet to take a queued run, or has just taken it."""
    tasks = DBTaskResult.objects.filter(task_path=TASK, args_kwargs__args=[row.pk])
    return tasks.filter(Q(status=TaskResultStatus.READY) | Q(started_at__gt=timezone.now() - STARTING)).exists()


@contextmanager
def lock(patience: float = LOCK_SECONDS) -> Iterator[None]:
    """The right to train, for one process at a time. Raises: Refused after `patience` seconds."""
    path = site.DATA_DIR / "training" / "lock"
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
def _one_at_a_time() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Refused(_busy()) from error


def _busy() -> str:
    live = TrainingRun.objects.filter(state__in=TrainingRun.LIVE).first()
    who = f"{live} {'waits for a worker' if live.state == State.QUEUED else 'is under way'}" if live else "one is"
    return f"One training runs at a time, and {who}: cancel it, or wait until it is done."


@contextmanager
def recorded(run: folders.TrainingFolder, stopping: list[int], worker: int | None = None) -> Iterator[Record]:
    """Train inside of this: the row says that it runs, how far it is, and in the end how it ended.

    stopping: signals received so far; worker: the process that started this one to do what a page asked for.
    Raises: Refused if another one trains; whatever is raised inside.
    """
    with lock():
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
    """The row of a run, running from now on; a folder that has no row gets one. The lock must be held."""
    name = run.folder.name
    with _one_at_a_time(), transaction.atomic():
        # We hold the lock, so whoever else is said to be running is not.
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
    """After the end of a process that trained: a row that it left open is closed. Returns: how the training ended.

    code: its exit status, below 0 for a signal.
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
    TrainingRun.objects.filter(pk=row.pk, state__in=TrainingRun.LIVE).update(
        state=state, message=message, finished=timezone.now()
    )
    row.refresh_from_db()
    return f"{row}: {row.state}. {row.message}"
