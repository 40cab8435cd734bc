"""The loop is tried with a tiny model whose steps can be counted: one weight that grows by one a step."""

import csv
import json
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from galaxies.ml import loop
from galaxies.ml.loop import Budget, Phase, Run, Stopped, TrainingError, read_header, run_phase, write_arrays


class Counter(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros")


def phase(step: Callable[[int], Mapping[str, Any]] | None = None) -> tuple[Phase, Counter]:
    counter = Counter()

    def grow(number: int) -> dict[str, float]:
        counter.count.assign_add(1)
        return {"loss": 1.0}

    return Phase("count", step or grow, {"counter": counter}, batch=10), counter


def measuring() -> tuple[Callable[[int], Mapping[str, float]], list[int]]:
    """Return what measures a phase, and after how many images it did."""
    seen: list[int] = []

    def measure(images: int) -> Mapping[str, float]:
        seen.append(images)
        return {"kid": 1.0}

    return measure, seen


def test_it_ends_at_its_budget_and_is_not_done_again(tmp_path: Path) -> None:
    run = Run(tmp_path)
    first, counter = phase()
    run_phase(first, Budget(images=70), run, lambda report: None)
    assert float(counter.count) == 7
    again, counter = phase()
    run_phase(again, Budget(images=70), run, lambda report: None)
    assert float(counter.count) == 7  # loaded, not trained to 14
    longer, counter = phase()
    run_phase(longer, Budget(images=90), run, lambda report: None)
    assert float(counter.count) == 9


def test_a_phase_that_is_done_is_reported_as_done(tmp_path: Path) -> None:
    reports: list[loop.Report] = []
    run_phase(phase()[0], Budget(images=70), Run(tmp_path), reports.append)
    assert (reports[-1].share, reports[-1].images, reports[-1].eta_seconds) == (1, 70, 0)


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    first, counter = phase()
    with pytest.raises(Stopped, match="30 images, all saved"):
        run_phase(first, Budget(images=100), Run(tmp_path, lambda: float(counter.count) >= 3), lambda report: None)
    second, counter = phase()
    run_phase(second, Budget(images=100), Run(tmp_path), lambda report: None)
    assert float(counter.count) == 10
    assert second.steps == 10


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    first, counter = phase()
    with pytest.raises(Stopped):
        run_phase(first, Budget(images=100), Run(tmp_path, lambda: float(counter.count) >= 2), lambda report: None)
    broken, _ = phase(lambda number: {"loss": float("nan")})
    with pytest.raises(TrainingError, match="no longer a number at step 2"):
        run_phase(broken, Budget(images=100), Run(tmp_path), lambda report: None)
    assert read_header(tmp_path / "count.npz")["steps"] == 2


def test_weights_that_are_no_number_do_not_replace_the_last_good_checkpoint(tmp_path: Path) -> None:
    first, _ = phase()
    run_phase(first, Budget(images=20), Run(tmp_path), lambda report: None)
    ruined, counter = phase()

    def ruin(number: int) -> dict[str, float]:  # as a step does whose losses were computed before its update
        counter.count.assign(float("inf"))
        return {"loss": 1.0}

    ruined.step = ruin
    with pytest.raises(TrainingError, match="A weight is no longer a number at step 3"):
        run_phase(ruined, Budget(images=30), Run(tmp_path), lambda report: None)
    assert read_header(tmp_path / "count.npz")["steps"] == 2


@pytest.mark.parametrize("name", ["log.csv", "samples/count-000000010.png"])
def test_a_log_or_sheet_that_cannot_be_written_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)  # nobody can write there, not even root
    first, _ = phase()
    first.sample = Path.touch
    with pytest.raises(TrainingError, match=rf"{Path(name).name} cannot be written .*: make room and resume"):
        run_phase(first, Budget(images=10), Run(tmp_path), lambda report: None)


def test_a_run_stops_between_phases_too(tmp_path: Path) -> None:
    Run(tmp_path).raise_if_stopped()
    with pytest.raises(Stopped, match="all saved"):
        Run(tmp_path, lambda: True).raise_if_stopped()


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    first, _ = phase()
    run_phase(first, Budget(images=10), Run(tmp_path), lambda report: None)
    other = Phase(
        "count", first.step, {"counter": keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])}, 10
    )
    with pytest.raises(TrainingError, match="of another network"):
        run_phase(other, Budget(images=20), Run(tmp_path), lambda report: None)


@pytest.mark.parametrize("left", [0, 3, 100, -100])
def test_a_damaged_checkpoint_is_refused_and_kept(tmp_path: Path, left: int) -> None:
    first, _ = phase()
    run_phase(first, Budget(images=10), Run(tmp_path), lambda report: None)
    path = tmp_path / "count.npz"
    path.write_bytes(path.read_bytes()[:left])
    before = path.read_bytes()
    with pytest.raises(TrainingError, match=r"count\.npz in .* is damaged: put back a copy of it"):
        run_phase(phase()[0], Budget(images=20), Run(tmp_path), lambda report: None)
    assert path.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    write_arrays(path, {"a": np.ones(3)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # the kernel refuses to write more, as a full disk does
    try:
        with pytest.raises(TrainingError, match=r"state.npz cannot be written .* make room and resume"):
            write_arrays(path, {"a": np.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with np.load(path) as file:
        assert file["a"].sum() == 3
    assert [file.name for file in tmp_path.glob("state*")] == ["state.npz"]


def test_budgets_end_at_whichever_comes_first() -> None:
    budget = Budget(images=100, minutes=1)
    assert budget.share_done(50, 6) == 0.5
    assert budget.share_done(10, 45) == 0.75
    assert budget.share_done(300, 0) == 1


def test_the_log_has_a_line_for_a_short_phase_too(tmp_path: Path) -> None:
    first, _ = phase()
    run_phase(first, Budget(images=30), Run(tmp_path), lambda report: None)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["phase"], row["images"]) for row in rows] == [("count", "30")]


@pytest.mark.slow
def test_kill_at_any_moment_loses_at_most_one_interval(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        import galaxies.ml.loop as loop
        from galaxies.ml.tests.test_loop import phase
        loop.CHECKPOINT_SECONDS = 0.0
        first, counter = phase()
        grow = first.step
        def step(number):
            if number == 25:
                os.kill(os.getpid(), signal.SIGKILL)
            return grow(number)
        first.step = step
        loop.run_phase(first, loop.Budget(images=1000), loop.Run(Path(sys.argv[1])), lambda report: None)
    """)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)  # noqa: S603
    assert killed.returncode == -9
    second, counter = phase()
    run_phase(second, Budget(images=400), Run(tmp_path), lambda report: None)
    assert float(counter.count) == 40  # all 25 steps before the kill were kept, none was counted twice


def test_a_checkpoint_of_a_phase_that_was_renamed_is_found(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert not run.checkpoint("feature_network").exists()
    (tmp_path / "eyes.npz").write_bytes(b"weights")
    assert run.checkpoint("feature_network").read_bytes() == b"weights"
    assert not (tmp_path / "eyes.npz").exists()


def test_a_phase_whose_last_step_is_reported_is_saved_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FIRST_REPORT_SECONDS", 0.0)
    run, (first, _) = Run(tmp_path), phase()
    run_phase(first, Budget(images=30), run, lambda report: None)
    assert read_header(run.checkpoint("count"))["steps"] == 3


@pytest.mark.parametrize("report_seconds", [0.0, 3600.0])
def test_the_last_step_is_measured_however_long_steps_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report_seconds: float
) -> None:
    monkeypatch.setattr(loop, "FIRST_REPORT_SECONDS", report_seconds)
    first, _ = phase()
    first.measure, seen = measuring()
    first.measure_seconds = 3600.0
    run_phase(first, Budget(images=30), Run(tmp_path), lambda report: None)
    assert seen == [30]
    with (tmp_path / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert (last["images"], json.loads(last["losses"])["kid"]) == ("30", 1.0)


def test_a_stop_at_the_last_step_leaves_nothing_unmeasured(tmp_path: Path) -> None:
    first, counter = phase()
    first.measure, seen = measuring()
    run = Run(tmp_path, lambda: float(counter.count) >= 3)
    run_phase(first, Budget(images=30), run, lambda report: None)
    assert seen == [30]
    assert read_header(run.checkpoint("count"))["steps"] == 3
