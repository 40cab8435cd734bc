"""manage.py train --check: what a training would find, without one."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies.ml.data.synthetic import draw
from galaxies.ml.duration import expected_seconds
from galaxies.ml.presets import PRESETS
from galaxies.models import TrainingRun


@pytest.fixture
def zoo(settings: Settings, tmp_path: Path) -> Path:
    """520 images of two sizes and kinds, a copy, twelve broken ones and labels for three."""
    settings.DATA_DIR = tmp_path / "var"
    folder = tmp_path / "zoo"
    folder.mkdir()
    for number, image in enumerate(draw(520, 32, seed=3)[0]):
        picture = Image.fromarray(image)
        picture.resize((40, 40) if number % 4 == 0 else (32, 32)).save(folder / f"{number}.png", compress_level=1)
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    for number in range(12):
        (folder / f"bad{number:02d}.png").write_bytes(b"no")
    (folder / "labels.csv").write_text("file,morphology\n0.png,spiral\n1.png,spiral\n2.png,smooth\n")
    return folder


def check(*arguments: str) -> str:
    output = io.StringIO()
    call_command("train", "--check", "--preset", "tiny", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
def test_it_works(zoo: Path, settings: Settings) -> None:
    text = check("--images", str(zoo))
    for line in (
        "520 read from zoo, 13 skipped",
        "32 x 32 px (390), 40 x 40 px (130)",
        "3 of 520 images: spiral 2, smooth 1. labels.csv labels 3 of 533 images.",
        "1, told by their pixels",
        "held out, fewer than the 200 that a measurement needs",
        "with preset tiny on this machine",
        "Skipped, 12: no JPEG, PNG, WebP or TIFF image",
        "  bad09.png",
        "  and 2 more",
    ):
        assert line in text
    assert "bad10.png" not in text
    assert not TrainingRun.objects.exists()
    assert not (settings.DATA_DIR / "training").exists()


@pytest.mark.django_db
def test_too_few_images_are_told_with_all_the_rest(zoo: Path) -> None:
    for number in range(30):
        (zoo / f"{number}.png").unlink()
    output = io.StringIO()
    with pytest.raises(CommandError, match="Only 491 usable images"):
        call_command("train", "--check", "--preset", "tiny", "--images", str(zoo), stdout=output)
    assert "Skipped, 12" in output.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--images", "nowhere"], "There is no folder or file"),
        (["--resume"], "give --images FOLDER, not --resume"),
        ([], "Nothing to train on"),
        (["--synthetic", "600", "--model-version", "a/b"], "cannot be the name of a model"),
    ],
)
def test_what_cannot_be_checked_is_a_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        check(*arguments)


def test_a_training_takes_longer_on_a_slower_machine_and_no_longer_than_its_budget() -> None:
    from dataclasses import replace

    small, standard = (PRESETS[name] for name in ("small", "standard"))
    assert 3600 < expected_seconds(small, 1.0) < expected_seconds(standard, 1.0)
    assert expected_seconds(small, 0.5) == pytest.approx(2 * expected_seconds(small, 1.0))
    assert expected_seconds(replace(standard, minutes=30.0), 1.0) < 35 * 60
