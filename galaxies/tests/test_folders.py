"""What a training run remembers of its images, and how those of a bundle are read again."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies.ml.bundle import load_bundle
from galaxies.ml.bundle.writer import seal
from galaxies.ml.data.dataset import load_dataset
from galaxies.ml.data.options import ReadingOptions
from galaxies.ml.data.records import Dataset, DatasetError
from galaxies.ml.data.synthetic import draw
from galaxies.ml.loop import TrainingError
from galaxies.models import ModelVersion
from galaxies.training import folders
from galaxies.training.request import Options, checked, options_from, settings_of

COUNT = 510


@pytest.fixture(autouse=True)
def data_folder(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "var"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    for number, image in enumerate(draw(COUNT, 40, seed=3)[0]):
        Image.fromarray(image).save(folder / f"{number}.png", compress_level=1)
    return folder


def rewrite(version: ModelVersion, **data: Any) -> None:
    """Let a bundle say that its images were read in another way."""
    manifest = json.loads((version.path / "manifest.json").read_text())
    manifest["data"] |= data
    seal(version.path, manifest)


def test_images_are_read_as_the_bundle_s_were(version: ModelVersion, images: Path) -> None:
    rewrite(version, crop=36, split="files", stretch=0.5)
    found = folders.images_for(load_bundle(version.path), images)
    expected = load_dataset(images, 32, crop=36, options=ReadingOptions(split="files", stretch=0.5))
    assert np.array_equal(found.images, expected.images)
    assert found.digests == expected.digests
    assert (found.reading["crop"], found.reading["split"], found.reading["stretch"]) == (36, "files", 0.5)


def test_a_bundle_says_how_its_images_were_read(version: ModelVersion) -> None:
    read = json.loads((version.path / "manifest.json").read_text())["data"]
    assert (read["crop"], read["split"], read["resize_filter"]) == (256, "pixels", "area")


def test_a_run_does_not_go_on_with_other_images(db: None, images: Path) -> None:
    run = folders.start(Options(images=str(images), preset="tiny"))
    data = run.data(32)
    run.remember(data)
    run.remember(replace(data, images=data.images[:], digests=tuple(reversed(data.digests))))  # the same, renamed
    fewer: Dataset = replace(data, images=data.images[1:], digests=data.digests[1:])
    with pytest.raises(TrainingError, match=rf"there were {COUNT}, and there are {COUNT - 1}\. Put them back"):
        run.remember(fewer)


def test_options_come_back_from_a_run_s_folder(db: None, images: Path) -> None:
    asked = Options(images=str(images), preset="tiny", labels="/l.csv", labels_class=("a", "b"), stretch=0.5)
    run = folders.start(asked)
    assert folders.reopen(run.folder.name).options == asked
    assert asked.reading == ReadingOptions(labels="/l.csv", labels_class=("a", "b"), stretch=0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "run.json in .* is damaged: put back a copy of it, or start a new run"),
        ('{"preset": "ti', "run.json in .* is damaged"),
        ("[1, 2]", "run.json in .* is damaged"),
        ('{"preset": "tiny", "colours": 3}', "does not know, colours: take them out of it"),
        ('{"seed": "many"}', "'many' as seed, which cannot be"),
        ('{"labels_class": 3}', "3 as labels_class, which cannot be"),
        ('{"seed": -1}', "--seed must lie between"),
        ('{"start_from": "x", "start_at": "somewhere"}', "--start-at must be one of adversarial"),
    ],
)
def test_a_damaged_run_is_refused_in_a_sentence_and_others_are_found(db: None, content: str, message: str) -> None:
    whole = folders.start(Options(synthetic=600, preset="tiny"))
    damaged = folders.start(Options(synthetic=600, preset="tiny"))
    (damaged.folder / "run.json").write_text(content)
    for name in (damaged.folder.name, ""):  # the newest of the two
        with pytest.raises(CommandError, match=message):
            call_command("train", resume=name)
    assert (damaged.folder / "run.json").read_text() == content
    assert folders.reopen(whole.folder.name) == whole
    assert folders.run_of(whole.version) == whole


@pytest.mark.parametrize("name", ["bundles.json", "images.json"])
@pytest.mark.parametrize("content", ["", '{"fingerprint": 3', "3", '{"fingerprint": 3}'])
def test_other_damaged_files_of_a_run_are_refused_in_a_sentence(db: None, name: str, content: str) -> None:
    run = folders.start(Options(synthetic=600, preset="tiny"))
    (run.folder / name).write_text(content)
    if (name, content) == ("bundles.json", '{"fingerprint": 3}'):
        return  # as good as any name of a version, which this run does not have
    with pytest.raises(CommandError, match=f"{name} in .* is damaged"):
        call_command("train", resume="")


def test_a_preset_that_is_not_there_is_refused(db: None) -> None:
    with pytest.raises(TrainingError, match="no preset huge: choose one of tiny"):
        settings_of(Options(preset="huge"))


def test_a_run_from_before_keeps_its_split() -> None:
    before = {key: value for key, value in asdict(Options(synthetic=600)).items() if key in ("synthetic", "crop")}
    assert options_from(before).reading == ReadingOptions(split="files")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_version": "ü b"}, "cannot be the name of a model: use up to 64 letters"),
        ({"model_version": "a/b"}, "cannot be the name of a model"),
        ({"model_version": "../x"}, "cannot be the name of a model"),
        ({"model_version": "x" * 65}, "cannot be the name of a model"),
        ({"k": 1}, "--k must lie between 2 and"),
        ({"k": 300}, "--k must lie between 2 and"),
        ({"seed": -1}, "--seed must lie between"),
        ({"crop": 0}, "--crop 0 leaves no image"),
        ({"budget_minutes": float("nan")}, "--budget-minutes must be above 0"),
        ({"budget_images": -5}, "--budget-images must be above 0"),
        ({"synthetic": 12}, "at least 500 are needed"),
        ({"credit": "a\0b"}, "cannot be kept"),
        ({"images": "/gal\udce1xia", "synthetic": None}, "not UTF-8"),
        ({"stretch": -1.0}, "--stretch -1 is no number above 0"),
        ({"labels_id": "id"}, "need --labels FILE"),
    ],
)
def test_what_would_fail_in_the_end_is_refused_before_the_first_step(
    db: None, settings: Settings, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((TrainingError, DatasetError), match=sentence):
        folders.start(replace(Options(synthetic=600, preset="tiny"), **changes))
    assert not (settings.DATA_DIR / "training").exists()


def test_a_name_that_is_taken_or_cannot_be_is_refused_at_a_resume(version: ModelVersion) -> None:
    with pytest.raises(TrainingError, match="is there already"):
        folders.start(Options(synthetic=600, model_version=version.version))
    run = folders.start(Options(synthetic=600, preset="tiny"))
    with pytest.raises(TrainingError, match="cannot be the name of a model"):
        folders.reopen(run.folder.name, model_version="../x")
    assert folders.reopen(run.folder.name).version == run.folder.name


@pytest.mark.parametrize("split", ["files", "pixels"])
def test_a_model_that_goes_on_learning_keeps_out_what_it_has_not_seen(version: ModelVersion, split: str) -> None:
    path = version.path / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "data": {**manifest["data"], "split": split}}))
    options = Options(synthetic=600, preset="tiny")
    assert checked(replace(options, start_from=version.version)).split == split
    assert checked(options).split == "pixels"


def test_starting_at_a_phase_needs_a_model_and_something_to_train(version: ModelVersion) -> None:
    options = Options(synthetic=600, preset="tiny", start_at="stage")
    with pytest.raises(TrainingError, match="--start-at needs --start-from VERSION"):
        checked(options)
    with pytest.raises(TrainingError, match="leaves nothing to train: at 16 px there is none"):
        settings_of(replace(options, start_from=version.version, resolution=16))
    with pytest.raises(TrainingError, match="--keep-stage needs --start-from VERSION"):
        checked(Options(synthetic=600, preset="tiny", keep_stage=True))
    with pytest.raises(TrainingError, match="--keep-stage leaves nothing to train with --start-at stage"):
        checked(replace(options, start_from=version.version, keep_stage=True))
    assert settings_of(replace(options, start_from=version.version, start_at="refinement", keep_stage=True)).keep_stage
    for start_at in ("adversarial", "refinement", "stage"):
        chosen = replace(options, start_at=start_at, start_from=version.version, budget_images=64)
        assert getattr(settings_of(chosen), f"{start_at}_images") == 64
