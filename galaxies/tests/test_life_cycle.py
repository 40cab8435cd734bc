"""The states of training runs, without training: who may train, and which run was interrupted."""

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
