"""manage.py train as a user runs it: in a process of its own, stopped by a signal, resumed."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies import sentences
from galaxies.ml.bundle import load_bundle
from galaxies.ml.data import synthetic
from galaxies.models import ModelVersion
from galaxies.training import folders
from nebulai.tests.running import PATIENCE


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    here = {"NEBULAI_DATA_DIR": str(tmp_path / "var"), "NEBULAI_MODELS_STORE": str(tmp_path / "store")}
    return os.environ | here


def manage(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "manage.py", *arguments],
        cwd=site.BASE_DIR,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.slow
def test_a_terminated_training_saves_exits_0_and_is_resumed_to_a_bundle(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    manage(environment, "migrate", "-v0").communicate(timeout=PATIENCE)
    training = manage(environment, "train", "--synthetic", "600", "--preset", "tiny", "--k", "6")
    deadline = time.monotonic() + PATIENCE
    while not list(tmp_path.glob("var/training/*/encoder.npz")) and time.monotonic() < deadline:
        time.sleep(0.1)
    training.send_signal(signal.SIGTERM)
    output, _ = training.communicate(timeout=PATIENCE)
    assert training.returncode == 0, output
    assert "all saved. Go on with: manage.py train --resume" in output

    resumed = manage(environment, "train", "--resume")
    output, _ = resumed.communicate(timeout=PATIENCE)
    assert resumed.returncode == 0, output
    assert not re.search(r"encoder +\d+%", output)  # what was finished is not done again
    path = next((tmp_path / "store").iterdir())
    assert f"Model version {path.name} is registered" in output
    assert load_bundle(path).n_clusters == 6
    with (path / "training.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert {row["phase"] for row in rows} >= {"encoder", "adversarial", "refinement"}
    losses = {name.replace("_", " ") for row in rows for name in json.loads(row["losses"])}
    assert losses <= set(sentences.LOSSES)  # each has a name in the reader's language
    assert (path / "sample_sheet.webp").exists()


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("train", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Nothing to train on"),
        (["--resume", "never"], "There is no run never in "),
        (["--resume"], "There is no run to resume in "),
        (["--images", "nowhere", "--preset", "tiny"], "There is no folder or file"),
        (["--synthetic", "600", "--preset", "tiny", "--resolution", "50"], "cannot generate 50 px"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    settings: Settings, tmp_path: Path, arguments: list[str], message: str
) -> None:
    settings.DATA_DIR = tmp_path
    with pytest.raises(CommandError, match=message):
        run(*arguments)


@pytest.mark.django_db
def test_too_few_images_end_with_a_count_and_names(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    for i, image in enumerate(synthetic.draw(3, 40)[0]):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no")
    with pytest.raises(CommandError, match=r"Only 3 usable images .* at least 500 are needed[\s\S]*broken.jpg"):
        run("--images", str(tmp_path), "--preset", "tiny")
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_a_bundle_name_that_is_taken_is_refused_before_training(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"
    (settings.MODELS_STORE / "mine").mkdir(parents=True)
    with pytest.raises(CommandError, match="is there already: name the new bundle with --model-version"):
        run("--synthetic", "600", "--preset", "tiny", "--model-version", "mine")
    folder = next((tmp_path / "var/training").glob("*/"))
    assert {file.name for file in folder.iterdir()} == {"run.json", "run.log"}  # nothing was trained
    assert folders.reopen("").version == "mine"
    assert folders.reopen("", model_version="other").version == "other"
