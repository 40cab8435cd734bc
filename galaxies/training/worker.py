"""Train in the background: the worker starts `manage.py train --resume NAME` as a child process.

TensorFlow stays in the child: the worker remains small, and survives if the kernel ends a training that takes too much
memory. A worker that is stopped lets its child save first; a child whose worker has died saves and stops by itself
(galaxies.training.record).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django_tasks import task

from galaxies.models import TrainingRun
from galaxies.training import folders, life_cycle
from galaxies.training.record import renew_connection

OUTPUT = "output.txt"
PAIR_SECONDS = 5.0  # Ctrl-C reaches a worker from the terminal and, under make, once more from the shell
TAIL = 4000


@task(priority=-10)  # takes hours, so all other tasks come first
def train_run(pk: int) -> str:
    """Train a queued TrainingRun in a process of its own. Returns: how it ended."""
    row = TrainingRun.objects.filter(pk=pk, state=TrainingRun.State.QUEUED).first()
    if row is None:
        return "It does not wait to be trained any more."
    output = folders.path_of(row.name) / OUTPUT
    try:
        code = _run(row.name, output)
    except OSError as error:
        return life_cycle.settle(row, 1, f"The training cannot be started ({error.strerror}): mend that and resume.")
    finally:
        renew_connection()  # the database may have dropped it in the meantime
    return life_cycle.settle(row, code, _last_line(output))


def _run(name: str, output: Path) -> int:
    manage = str(site.BASE_DIR / "manage.py")
    command = [sys.executable, manage, "train", "--resume", name, "--worker-pid", str(os.getpid())]
    with output.open("w") as file:
        # In a session of its own, Ctrl-C reaches only the worker, which passes it on.
        child = subprocess.Popen(  # noqa: S603  (no word of it comes from a page but the run's name)
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        with _passing_signals(child):
            return child.wait()
    finally:
        if child.poll() is None:  # told twice to end, so without saving
            child.kill()
            child.wait()


@contextmanager
def _passing_signals(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Pass signals to end on to the child and wait until it has saved; after a second one, wait no longer."""
    told: list[float] = []

    def tell(number: int, frame: Any) -> None:
        if told and time.monotonic() - told[0] < PAIR_SECONDS:
            return
        told.append(time.monotonic())
        child.terminate()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)  # db_worker's own: ends after this task, the second time now

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _last_line(output: Path) -> str:
    text = output.read_bytes()[-TAIL:].decode(errors="replace") if output.exists() else ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
