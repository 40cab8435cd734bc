"""On a Ray cluster of this machine: the GAN trained by two workers together."""

import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from galaxies.ml import loop
from galaxies.ml.loop import Run, read_header, write_arrays
from galaxies.models import ModelVersion
from galaxies.tests.hosts import free_port
from galaxies.tests.test_cluster import worker

TINY = {"synthetic": 600, "preset": "tiny"}
PHASES = ("adversarial", "refinement", "stage_32")


@pytest.mark.slow
def test_a_step_of_two_workers_is_that_of_one(tmp_path: Path) -> None:
    from galaxies.cluster.connection import connected
    from galaxies.cluster.training import Group
    from galaxies.ml.data.synthetic import dataset
    from galaxies.ml.pipeline import Found, Training, learn_features, train, train_networks

    begun: list[tuple[Training, Found]] = []

    def keep(training: Training, found: Found) -> None:
        begun.append((training, found))

    train(dataset(600, 32, 0), one_step(), Run(tmp_path / "begun"), lambda report: None, together=keep)
    for name in PHASES:
        rewind(tmp_path / "begun" / f"{name}.npz")
    ((training, found),) = begun
    one, two = (
        replace(training, run=Run(shutil.copytree(tmp_path / "begun", tmp_path / name))) for name in ("one", "two")
    )
    train_networks(one, learn_features(one), found)
    with connected("local", cpus=2):
        Group(2, 1).train(two, found)
    for name in PHASES:
        assert_same(*(each.run.folder / f"{name}.npz" for each in (one, two)))


def one_step() -> Any:
    """The tiny preset with one step of each phase, of both players."""
    from galaxies.ml.presets import PRESETS

    tiny = PRESETS["tiny"]
    trained = ("adversarial", "refinement", "super_resolution")
    players: dict[str, Any] = {name: replace(getattr(tiny, name), head_start=0) for name in trained}
    phases = ("encoder", "feature_network", "warm_start", "adversarial", "refinement", "stage")
    budgets: dict[str, Any] = {f"{name}_images": 1 for name in phases}
    return replace(tiny, k=3, kid_samples=64, **players, **budgets)


def rewind(path: Path) -> None:
    """Let the one step that a checkpoint knows of be taken again, from where it has led."""
    with np.load(path) as file:
        arrays = dict(file)
    write_arrays(path, arrays | {"header": np.array('{"steps": 0, "seconds": 0.0, "batch": 16}')})


def assert_same(*paths: Path) -> None:
    """One step was taken, and gradients and running moments are the same, but for the order of sums.

    Adam's first moment is the gradient, as beta1 is 0. The order of sums moves a few pixels over the edge between two
    levels, and the stage's critic sees them 16 times enlarged: its bound is wider, and still far from half a batch's.
    """
    one, two = (dict(np.load(path)) for path in paths)
    assert [read_header(path)["steps"] for path in paths] == [1, 1]
    names = [name for name in one if "optimizer" in name or name.startswith(("moments", "grain"))]
    assert any(np.abs(one[name]).max() > 1e-3 for name in names)
    apart = {name: np.abs(one[name] - two[name]).max() for name in names}
    bounds = {name: 5e-2 if name.startswith("c_optimizer") else 5e-3 for name in names}
    assert {name: d for name, d in apart.items() if d > bounds[name] * np.abs(one[name]).max() + 1e-9} == {}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_training_goes_on_from_its_checkpoint_when_a_worker_is_killed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    done = threading.Event()
    steps: list[int] = []  # that the checkpoint of the adversarial phase knew of when a worker was killed, and later

    def watch() -> None:
        while not done.wait(0.05):
            for path in Path(settings.DATA_DIR).glob("training/*/adversarial.npz"):
                found = read_header(path)["steps"]
                if steps:
                    steps.append(found)
                elif found >= 8 and (process := worker("RayTrainWorker")):
                    os.kill(process, signal.SIGKILL)
                    steps.append(read_header(path)["steps"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        call_command("train", **TINY, ray="local", workers=2, model_version="together")
    finally:
        done.set()
        watcher.join()
    assert steps, "no worker was killed"
    assert steps[0] < 40 and steps == sorted(steps) and steps[-1] == 40
    assert ModelVersion.objects.get(version="together").path.exists()
    assert not list(Path(settings.DATA_DIR).glob("training/*/ray"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 2}, "name it by --ray ADDRESS"),
        ({"ray": "local", "workers": 0}, "Give --workers 1 or more"),
        ({"ray": "local", "workers": 3}, "cannot be divided among 3 workers: give one of 1, 2, 4, 8."),
    ],
)
def test_workers_that_cannot_be_are_one_sentence(settings: Settings, options: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("train", **TINY, **options)
    assert not (settings.DATA_DIR / "training").exists()


@pytest.mark.django_db
def test_a_cluster_that_does_not_answer_is_one_sentence(settings: Settings) -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=f"There is no Ray cluster at {address} .*start one, name another"):
        call_command("train", **TINY, ray=address)
    assert not (settings.DATA_DIR / "training").exists()


@pytest.mark.django_db
def test_ray_that_is_not_installed_is_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("galaxies.cluster.connection.find_spec", lambda name: None)
    with pytest.raises(CommandError, match=r"Ray is not installed: \.venv/bin/pip install"):
        call_command("train", **TINY, ray="local")
    assert not (settings.DATA_DIR / "training").exists()
