"""Training runs as pages ask for them, without a worker that does them."""

import shutil
import threading
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django_tasks_db.models import DBTaskResult
from pytest_django.fixtures import Settings

from galaxies.models import TrainingRun
from galaxies.training import control, life_cycle
from galaxies.training.request import Options

TINY = Options(synthetic=600, preset="tiny", k=6)
State = TrainingRun.State


@pytest.fixture
def folder(settings: Settings) -> Path:
    """The data folder of this test."""
    return Path(settings.DATA_DIR)


def test_of_two_starts_at_once_one_wins(transactional_db: None, folder: Path) -> None:
    together, ends = threading.Barrier(2), []

    def ask() -> None:
        together.wait()
        try:
            ends.append(control.queue(TINY).name)
        except life_cycle.Refused as refused:
            ends.append(str(refused))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = TrainingRun.objects.get()
    assert sorted(ends)[0] == row.name
    assert sorted(ends)[1].startswith(f"One training runs at a time, and {row.name} waits for a worker")
    assert [path.parent.name for path in folder.glob("training/*/run.json")] == [row.name]
    assert DBTaskResult.objects.count() == 1


@pytest.mark.slow
def test_the_shell_is_refused_while_a_training_waits_or_runs(db: None, folder: Path) -> None:
    row = control.queue(TINY)
    with pytest.raises(CommandError, match=f"One training runs at a time, and {row.name} waits"):
        call_command("train", "--synthetic", "600", "--preset", "tiny")
    control.cancel(row)
    row.refresh_from_db()
    assert (row.state, row.message) == (State.CANCELLED, "Cancelled before it began.")
    with life_cycle.lock(), pytest.raises(CommandError, match="One training runs at a time"):
        call_command("train", "--synthetic", "600", "--preset", "tiny")
    assert len(list(folder.glob("training/*/run.json"))) == 1  # what was refused leaves no folder


def test_a_run_whose_folder_is_gone_cannot_be_resumed(db: None, folder: Path) -> None:
    row = control.queue(TINY)
    control.cancel(row)
    shutil.rmtree(folder / "training" / row.name)
    row.refresh_from_db()
    with pytest.raises(Exception, match="There is no run"):
        control.resume(row)
    row.refresh_from_db()
    assert row.state == State.CANCELLED
