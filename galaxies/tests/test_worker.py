"""Trainings as the worker does them, in processes of its own that share the test's database; and their bad ends."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from pytest_django.fixtures import Settings

from galaxies.ml.bundle import read_manifest
from galaxies.ml.loop import Report, Stopped
from galaxies.ml.presets import PRESETS
from galaxies.models import ModelVersion, TrainingRun
from galaxies.training import control, folders, life_cycle
from galaxies.training.request import Options
from nebulai.tests.running import PATIENCE

TINY = Options(synthetic=600, preset="tiny", k=6)
State = TrainingRun.State


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A data folder of this test's own."""
    settings.DATA_DIR = tmp_path / "var"
    settings.DATA_DIR.mkdir()
    return tmp_path / "var"


def database_url() -> str:
    """The test's own database, for processes of their own."""
    here = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{here['NAME']}"
    user = quote(here["USER"]) + (f":{quote(here['PASSWORD'])}" if here["PASSWORD"] else "")
    return f"postgres://{user}@{quote(here['HOST'] or 'localhost', safe='')}:{here['PORT'] or 5432}/{here['NAME']}"


@pytest.fixture
def start(transactional_db: None, settings: Settings) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts manage.py, and ends it with the test."""
    started: list[subprocess.Popen[bytes]] = []
    here = {
        "NEBULAI_DATA_DIR": str(settings.DATA_DIR),
        "NEBULAI_MODELS_STORE": str(settings.MODELS_STORE),
        "NEBULAI_DATABASE_URL": database_url(),
    }

    def run(*arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
        process = subprocess.Popen(command, env=os.environ | here)  # noqa: S603
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def worker(start: Callable[..., "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
    return start("db_worker", "--interval", "0.1", "--no-startup-delay", "--max-tasks", "1")


def wait(row: TrainingRun, done: Callable[[TrainingRun], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        row.refresh_from_db()
        if done(row):
            return
        time.sleep(0.1)
    pytest.fail(f"{row} is not {what} but {row.state} in phase {row.phase!r}: {row.message}")


def learns(row: TrainingRun) -> bool:
    """Whether a phase is under way that is lost without its checkpoint."""
    return row.state == State.RUNNING and row.phase not in ("", "reading")


def trainers(row: TrainingRun) -> list[int]:
    """Processes that train this run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--worker-pid" in words and row.name.encode() in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_cancelled_resumed_interrupted_and_done(start: Callable[..., "subprocess.Popen[bytes]"], folder: Path) -> None:
    """One run through everything that can happen to it; nothing it has learned is lost on the way."""
    row = control.queue(replace(TINY, budget_images=4_000))
    assert (row.state, row.started_by) == (State.QUEUED, None)
    process = worker(start)
    wait(row, learns, "training")
    niceness = os.getpriority(os.PRIO_PROCESS, trainers(row)[0]) - os.getpriority(os.PRIO_PROCESS, 0)
    assert niceness > 0
    assert control.cancel(row)
    wait(row, lambda row: row.state == State.CANCELLED, "cancelled")
    assert re.match(r"Cancelled\. Stopped .*all saved", row.message)
    assert (folder / "training" / row.name / "encoder.npz").exists()
    assert process.wait(PATIENCE) == 0

    control.resume(row)
    process = worker(start)
    wait(row, learns, "training again")
    process.kill()  # the worker dies and can say nothing
    wait(row, lambda row: row.state == State.INTERRUPTED, "interrupted")
    assert row.message.startswith("The worker that had started it is gone. Stopped")

    control.resume(row)
    process = worker(start)
    wait(row, lambda row: learns(row) and row.phase == "adversarial", "training once more")
    process.terminate()
    wait(row, lambda row: row.state == State.INTERRUPTED, "interrupted again")
    assert row.message.startswith("It was told to stop by SIGTERM. Stopped in phase")
    assert process.wait(PATIENCE) == 0

    control.resume(row)
    worker(start)
    wait(row, lambda row: not row.is_live, "done")
    assert row.state == State.DONE, row.message
    assert row.message.startswith(f"Model version {row.name} is registered and waits to be activated.")
    assert row.model_version == ModelVersion.objects.get()
    assert not row.model_version.is_active
    phases = read_manifest(row.model_version.path)["training"]["phases"]
    assert phases["encoder"]["images"] == PRESETS["tiny"].encoder_images  # never done twice
    log = (folder / "training" / row.name / "run.log").read_text()
    assert log.count("Started again.") == 3
    assert log.count("Phase adversarial.") >= 1


@pytest.mark.slow
def test_a_training_that_is_killed_is_interrupted_and_the_worker_lives(
    start: Callable[..., "subprocess.Popen[bytes]"],
) -> None:
    row = control.queue(TINY)
    process = start("db_worker", "--interval", "0.1", "--no-startup-delay")
    wait(row, lambda row: row.state == State.RUNNING and bool(trainers(row)), "running")
    os.kill(trainers(row)[0], signal.SIGKILL)  # as the kernel does where memory runs out
    wait(row, lambda row: row.state == State.INTERRUPTED, "interrupted")
    assert row.message.startswith("It was ended by SIGKILL, perhaps because memory ran out: resume it")
    assert process.poll() is None


@pytest.mark.slow
def test_images_that_vanish_before_the_work_begins_are_a_sentence(
    start: Callable[..., "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    row = control.queue(replace(TINY, synthetic=None, images=str(tmp_path / "gone")))
    worker(start)
    wait(row, lambda row: not row.is_live, "failed")
    assert row.state == State.FAILED
    assert re.match(r"There is no folder or file .*gone", row.message)


def short(monkeypatch: pytest.MonkeyPatch, **adversarial: float) -> None:
    """A tiny preset that takes some seconds."""
    tiny = PRESETS["tiny"]
    gan = replace(tiny.adversarial, **adversarial)  # type: ignore[arg-type]
    monkeypatch.setitem(
        PRESETS, "tiny", replace(tiny, adversarial_images=320, refinement_images=32, stage_images=32, adversarial=gan)
    )


@pytest.fixture
def from_the_tiny_one(version: ModelVersion) -> Options:
    """Begins with the adversarial phase: the rest takes longer than what is tried here."""
    return replace(TINY, k=None, start_from=version.version)


@pytest.mark.slow
def test_a_training_whose_loss_is_no_number_fails_and_keeps_its_last_good_checkpoint(
    from_the_tiny_one: Options, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short(monkeypatch)
    run = folders.start(from_the_tiny_one)
    stopping: list[int] = []

    def stop_at_once(report: Report) -> None:
        if report.phase == "adversarial":
            stopping.append(signal.SIGTERM)

    with pytest.raises(Stopped), life_cycle.recorded(run, stopping) as record:
        run.train(record.should_stop, stop_at_once)
    row = TrainingRun.objects.get()
    assert (row.name, row.state) == (run.folder.name, State.INTERRUPTED)
    good = (run.folder / "adversarial.npz").read_bytes()

    short(monkeypatch, generator_rate=1e30, discriminator_rate=1e30)
    with pytest.raises(CommandError, match="no longer a number at step"):
        call_command("train", "--resume", row.name)
    row.refresh_from_db()
    assert row.state == State.FAILED
    assert re.match(r"The loss \w+ is no longer a number at step \d+ of adversarial: the last good", row.message)
    assert (run.folder / "adversarial.npz").read_bytes() == good
    assert row.message in (run.folder / "run.log").read_text()


@pytest.mark.slow
def test_a_database_that_does_not_answer_stops_no_training(
    transactional_db: None, from_the_tiny_one: Options, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first step of the adversarial phase to the bundle, every query fails."""
    short(monkeypatch)
    run = folders.start(from_the_tiny_one)
    row = TrainingRun.objects.create(name=run.folder.name, state=State.INTERRUPTED)
    broken: list[str] = []

    def fail(execute: Callable[..., object], sql: str, *rest: object) -> object:
        if record.row.phase == "adversarial":
            broken.append(sql)
            raise DatabaseError("the disk it lies on is full")
        return execute(sql, *rest)

    with life_cycle.recorded(run, []) as record, connection.execute_wrapper(fail):

        def report(report: Report) -> None:
            record.row.phase = report.phase
            record.report(report)

        run.train(record.should_stop, report, lambda done, total: None, record.say)
    assert broken
    assert (folder.parent / "models_store" / row.name / "manifest.json").exists()
    assert "The database does not answer, the training goes on" in (run.folder / "run.log").read_text()

    # What is written already is not trained again, and a larger budget gets a name of its own.
    assert run.is_written
    assert folders.run_of(row.name) == run
    TrainingRun.objects.update(state=State.DONE)
    row.refresh_from_db()
    with pytest.raises(life_cycle.Refused, match="give it a larger budget"):
        control.resume(row)
    control.resume(row, images=1000)
    row.refresh_from_db()
    assert (row.state, row.options["budget_images"]) == (State.QUEUED, 1000)
    assert row.options["model_version"] == f"{row.name}-2"
    assert folders.run_of(row.name) == folders.reopen(row.name)  # whose images it was trained on is still known
