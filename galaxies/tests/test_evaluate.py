"""manage.py evaluate on a folder of drawn galaxies; what its numbers are worth is tested beside galaxies/ml."""

import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image
from pytest_django.fixtures import Settings as SiteSettings

from galaxies.management.commands.figures import GAP, HEIGHT, WIDTH, curve, kid_points
from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.dataset import load_dataset
from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation import Settings
from galaxies.ml.evaluation.of_bundle import summary
from galaxies.ml.features import pretrained
from galaxies.models import ModelVersion
from galaxies.recipe import DEFAULT_PSI


@pytest.fixture(autouse=True)
def small(settings: SiteSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder without runs; few shapes, since each takes a quarter of a second."""
    settings.DATA_DIR = tmp_path / "var"
    few = partial(Settings, morphology_samples=4, workers=1, kid_subsets=10)
    monkeypatch.setattr("galaxies.management.commands.evaluate.Settings", few)


def drawn(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number, image in enumerate(draw(count, 32, seed=9)[0]):
        Image.fromarray(image).save(folder / f"{number}.png", compress_level=1)
    return folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough galaxies for a fifth of them to be 200."""
    return drawn(tmp_path_factory.mktemp("drawn") / "galaxies", 1300)


def evaluate(*arguments: str) -> tuple[str, str]:
    output, errors = io.StringIO(), io.StringIO()
    call_command("evaluate", *arguments, stdout=output, stderr=errors)
    return output.getvalue(), errors.getvalue()


@pytest.mark.slow
def test_it_works(version: ModelVersion, folder: Path) -> None:
    output, _ = evaluate("--images", str(folder), "--samples", "1000")
    metrics = json.loads((version.path / "metrics.json").read_text())
    for name in ("fid", "kid"):
        assert {"value", "floor", "ceiling", "extractor", "n_real", "n_generated"} <= metrics[name].keys()
        assert metrics[name]["value"] is not None
        assert f"{metrics[name]['value']:.4f}" in output
    assert metrics["kid"]["n_real"] >= 200
    assert metrics["kid"]["n_generated"] == 1000


@pytest.mark.slow
def test_without_weights_and_with_few_samples_the_encoder_s_kid_is_reported_and_no_fid(
    version: ModelVersion, folder: Path, tmp_path: Path, settings: SiteSettings
) -> None:
    settings.INCEPTION_WEIGHTS = str(tmp_path / "nowhere.h5")
    _, errors = evaluate("--images", str(folder), "--samples", "300", "--extractor", "inception")
    assert "There is no file of Inception weights" in errors
    assert "The encoder's numbers follow all the same" in errors
    metrics = json.loads((version.path / "metrics.json").read_text())
    assert metrics["kid"]["extractor"] == "encoder"
    assert metrics["kid"]["value"] is not None
    assert metrics["fid"]["value"] is None
    assert "1,000" in metrics["fid"]["reason"]


@pytest.mark.slow
def test_by_default_a_network_looks_at_full_size_and_says_why_it_cannot(version: ModelVersion, folder: Path) -> None:
    """The tiny model's images have 32 px."""
    _, errors = evaluate("--images", str(folder), "--samples", "300")
    assert "The extractor imagenet needs images of at least 64 px, and these have 32 px." in errors
    assert "The encoder's numbers follow all the same" in errors
    metrics = json.loads((version.path / "metrics.json").read_text())
    assert metrics["format"] == 2
    assert metrics["kid"]["extractor"] == "encoder"


@pytest.mark.slow
def test_without_the_package_of_its_weights_the_encoder_s_numbers_follow(
    version: ModelVersion, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "LITE2", replace(pretrained.LITE2, package="no-such-weights"))
    _, errors = evaluate("--images", str(folder), "--samples", "300")
    assert "The package no-such-weights is not installed: install it again with" in errors
    assert json.loads((version.path / "metrics.json").read_text())["kid"]["value"] is not None


@pytest.mark.slow
def test_numbers_of_the_first_format_are_measured_anew(version: ModelVersion, folder: Path) -> None:
    old = (Path(__file__).parent / "data/metrics-format-1.json").read_text()
    (version.path / "metrics.json").write_text(old)
    output, _ = evaluate("--images", str(folder), "--samples", "300", "--extractor", "encoder")
    metrics = json.loads((version.path / "metrics.json").read_text())
    assert "format" not in json.loads(old)
    assert metrics["format"] == 2
    assert metrics["conditions"]["samples"] == 300
    assert "KID of real images halved and enlarged again" in output
    assert "spread ratio, generated / real, finest four bands" in output


def test_a_summary_can_be_made_of_numbers_of_the_first_format() -> None:
    old = json.loads((Path(__file__).parent / "data/metrics-format-1.json").read_text())
    assert "0.0038" in summary(old)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["never"], "There is no model version never"),
        ([], "are not known here: give --images FOLDER"),
        (["--images", "nowhere"], "There is no folder or file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(version: ModelVersion, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        evaluate(*arguments)
    assert not (version.path / "metrics.json").exists()


def test_without_an_active_model_it_says_so(db: None) -> None:
    with pytest.raises(CommandError, match="No model version is active"):
        evaluate()


def test_too_few_held_out_images_are_counted(version: ModelVersion, tmp_path: Path) -> None:
    images = drawn(tmp_path / "few", 520)
    with pytest.raises(CommandError, match=r"There are \d+ held-out images, and at least 200 are needed"):
        evaluate("--images", str(images))


def test_too_few_samples_are_refused(version: ModelVersion, folder: Path) -> None:
    with pytest.raises(CommandError, match="50 samples are too few: ask for at least 100"):
        evaluate("--images", str(folder), "--samples", "50")


def test_a_damaged_model_is_named(version: ModelVersion, folder: Path) -> None:
    (version.path / "encoder.npz").write_bytes(b"")
    with pytest.raises(CommandError, match=r"encoder\.npz is damaged"):
        evaluate("--images", str(folder))


@pytest.mark.slow
def test_a_sheet_for_each_family_has_real_galaxies_on_the_left_and_the_recipes_on_the_right(
    version: ModelVersion, folder: Path, tmp_path: Path
) -> None:
    call_command("figures", "--images", str(folder), "--out", str(tmp_path / "sheets"), stdout=io.StringIO())
    sheets = sorted((tmp_path / "sheets").glob("*.webp"))
    assert [sheet.name for sheet in sheets] == [f"family-{each['id']}.webp" for each in version.families]
    page = np.asarray(Image.open(sheets[0]).convert("RGB")).astype(int)
    sampled = load_bundle(version.path).sample([0] * 9, range(9), DEFAULT_PSI)
    right = page[:32, -5 * 32 : -4 * 32]
    assert page.shape == (160, 160 + GAP + 160, 3)
    assert np.abs(right - sampled.astype(int)).mean(axis=(1, 2, 3)).argmin() == 0  # WebP is not exact
    real = np.stack([page[32 * r : 32 * r + 32, 32 * c : 32 * c + 32] for r in range(5) for c in range(5)])
    known = load_dataset(folder, 32).images.astype(int)
    assert all(np.abs(known - each).mean(axis=(1, 2, 3)).min() < 12 for each in real[:3])


def test_the_curve_has_a_point_wherever_training_measured(tmp_path: Path) -> None:
    log = tmp_path / "training.csv"
    lines = [
        'adversarial,1000,9.0,"{""kid"": 0.4}"',
        'adversarial,1500,9.0,"{}"',
        'adversarial,4000,9.0,"{""kid"": 0.1}"',
    ]
    log.write_text("\n".join(["phase,images,images_per_second,losses", *lines]))
    assert kid_points(log) == [(1000, 0.4), (4000, 0.1)]
    log.write_text(f'{log.read_text()}\nadversarial,x,9.0,"{{}}"\nadversarial,5000,9.0,"{"x" * 200_000}')  # damaged
    assert kid_points(log) == [(1000, 0.4), (4000, 0.1)]
    assert curve(kid_points(log))["places"] == [(WIDTH / 4, 0.0), (WIDTH, HEIGHT * 0.75)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--psi", "nan"], "--psi nan does not lie between 0.3 and 1.2"),
        (["--psi", "9"], "--psi 9.0 does not lie between"),
        (["--out", "/proc/nowhere"], "cannot be read or written"),
        (["--images", "nowhere"], "There is no folder or file"),
    ],
)
def test_figures_that_cannot_be_drawn_are_one_sentence(
    version: ModelVersion, folder: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("figures", "--images", str(folder), *arguments, stdout=io.StringIO())


def test_a_damaged_file_of_images_is_one_sentence(version: ModelVersion, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        noise = np.random.default_rng(0).integers(0, 256, (600, 32, 32, 3), np.uint8)
        images = file.create_dataset("images", data=noise, chunks=(20, 32, 32, 3), compression="gzip")
        at = images.id.get_chunk_info(20).byte_offset
    raw = bytearray((tmp_path / "g.h5").read_bytes())
    raw[at : at + 300] = bytes(300)
    (tmp_path / "g.h5").write_bytes(raw)
    for command in ("evaluate", "figures"):
        with pytest.raises(CommandError, match=r"g\.h5 is damaged: images.*fetch or copy it again"):
            call_command(command, "--images", str(tmp_path / "g.h5"), stdout=io.StringIO())
