"""The states of training runs, without training: who may train, and which run was interrupted."""

import os
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from galaxies.models import TrainingRun
from galaxies.training import control, folders, life_cycle
from galaxies.training.request import Options
from galaxies.training.worker import train_run

TINY = Options(synthetic=600, preset="tiny", k=6)
State = TrainingRun.State


def test_a_run_that_nobody_trains_is_found_interrupted(db: None) -> None:
    row = TrainingRun.objects.create(name="dead", state=State.RUNNING)
    with life_cycle.lock():
        assert life_cycle.recover() is None  # somebody trains
    assert life_cycle.recover() == row
    row.refresh_from_db()
    assert row.state == State.INTERRUPTED
    assert "resume it" in row.message
    assert life_cycle.recover() is None


def test_a_queued_run_waits_unless_its_worker_died_before_it_began(db: None) -> None:
    row = control.queue(TINY)
    assert life_cycle.recover() is None
    DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now())
    assert life_cycle.recover() is None  # the worker has just taken it
    DBTaskResult.objects.update(started_at=timezone.now() - timedelta(minutes=5))
    assert life_cycle.recover() == row


def test_a_folder_from_before_there_were_rows_is_adopted(db: None) -> None:
    run = folders.start(replace(TINY, images="/nowhere", synthetic=None))
    with pytest.raises(CommandError, match="There is no folder or file"):
        call_command("train", "--resume", run.folder.name)
    row = TrainingRun.objects.get(name=run.folder.name)
    assert (row.state, row.options["images"]) == (State.FAILED, "/nowhere")


def test_the_worker_s_task_is_the_one_that_is_looked_for() -> None:
    assert train_run.module_path == life_cycle.TASK


def test_a_run_that_is_resumed_while_its_process_ends_waits_for_the_next_one(db: None) -> None:
    row = control.queue(TINY)
    DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now())  # the worker has taken it
    TrainingRun.objects.update(state=State.RUNNING)
    control.cancel(row)
    TrainingRun.objects.update(state=State.CANCELLED)  # the process has saved, and is not gone yet
    row.refresh_from_db()
    control.resume(row)
    life_cycle.settle(row, 0, "Cancelled.")
    row.refresh_from_db()
    assert (row.state, row.message) == (State.QUEUED, "")
    DBTaskResult.objects.update(status="RUNNING")
    life_cycle.settle(row, 1, "It failed.")  # the next one, which never began
    row.refresh_from_db()
    assert (row.state, row.message) == (State.FAILED, "It failed.")


def test_a_training_by_the_worker_waits_for_one_that_is_ending(db: None) -> None:
    row = control.queue(TINY)
    holding = threading.Event()

    def end() -> None:
        with life_cycle.lock():
            holding.set()
            time.sleep(life_cycle.LOCK_SECONDS + 0.5)

    thread = threading.Thread(target=end)
    thread.start()
    holding.wait()
    with life_cycle.recorded(folders.reopen(row.name), [], worker=os.getpid()) as record:
        assert record.row.state == State.RUNNING
    thread.join()
