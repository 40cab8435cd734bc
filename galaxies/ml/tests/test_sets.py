import csv
import filecmp
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from galaxies.ml.bundle import Bundle, load_bundle
from galaxies.ml.data.dataset import load_dataset
from galaxies.ml.sets import SetError, SetPlan, generate_set

ROOT = Path(__file__).parents[3]
COUNT, SHARD, SEED = 70, 32, 1000
KILLED = """
import os, signal, sys
from pathlib import Path
from galaxies.ml.bundle import load_bundle
from galaxies.ml.sets import SetPlan, generate_set

def report(done):
    if done >= 75:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    bundle = load_bundle(sys.argv[1])
    plan = SetPlan.of(bundle, count=110, shard=40, seed=1000, format=sys.argv[3])
    generate_set(bundle, plan, Path(sys.argv[2]), workers=1, report=report)
"""


@pytest.fixture(scope="module")
def tiny(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


def make(bundle: Bundle, folder: Path, *, report: Callable[[int], None] = lambda done: None, **options: Any) -> Path:
    plan = SetPlan.of(bundle, **{"count": COUNT, "shard": SHARD, "seed": SEED} | options)
    generate_set(bundle, plan, folder, workers=1, report=report)
    return folder


def ended_after(number: int) -> Callable[[int], None]:
    def report(done: int) -> None:
        if done >= number:
            raise KeyboardInterrupt

    return report


def painted_by_resuming(bundle: Bundle, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> list[int]:
    """Go on with a set. Returns: the numbers of the candidates that were painted for it."""
    painted: list[int] = []
    sample = bundle.sample

    def noted(clusters: list[int], seeds: list[int], *args: Any, **more: Any) -> Any:
        painted.extend(seed - SEED for seed in seeds)
        return sample(clusters, seeds, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(bundle, "sample", noted)
        make(bundle, folder, **options)
    return painted


def assert_same(folder: Path, other: Path) -> None:
    assert files(other) == files(folder)
    assert filecmp.cmpfiles(folder, other, files(folder), shallow=False)[1:] == ([], [])


@pytest.fixture(scope="module")
def png(tiny: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tiny, tmp_path_factory.mktemp("sets") / "png", format="png")


def catalogue(folder: Path) -> list[dict[str, str]]:
    with (folder / "catalogue.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def pixels(tiny: Bundle, rows: list[dict[str, str]]) -> np.ndarray:
    return tiny.sample([int(row["cluster"]) for row in rows], [int(row["seed"]) for row in rows], 0.8)


def test_a_set_is_its_seeds_in_order_and_each_file_the_pixels_of_its_recipe(tiny: Bundle, png: Path) -> None:
    rows = catalogue(png)
    assert [int(row["seed"]) for row in rows] == list(range(SEED, SEED + COUNT))
    assert len({row["id"] for row in rows}) == COUNT
    assert len({row["cluster"] for row in rows}) > 1
    found = np.stack([np.asarray(Image.open(png / row["file"])) for row in rows])
    assert np.array_equal(found, pixels(tiny, rows))
    here = {"README.md", "catalogue.csv", "catalogue.parquet", "croissant.json", "set.json"}
    assert set(files(png)) - {row["file"] for row in rows} == here


def test_the_readme_names_recipe_credit_and_what_not_to_do(tiny: Bundle, png: Path) -> None:
    text = (png / "README.md").read_text()
    assert f"--count {COUNT}" in text
    assert "must not be used" in text
    assert tiny.manifest["credit"] in text


@pytest.mark.parametrize("fmt", ["webp", "hdf5", "webdataset", "parquet"])
@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bytes(
    tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fmt: str
) -> None:
    options: dict[str, Any] = {"format": fmt, "count": 110, "shard": 40}
    whole, broken = make(tiny, tmp_path / "whole", **options), tmp_path / "broken"
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", KILLED, str(tiny.path), str(broken), fmt], cwd=ROOT, capture_output=True, check=False
    )
    assert run.returncode == -9, run.stderr[-2000:]
    assert not (broken / "catalogue.csv").exists()
    assert painted_by_resuming(tiny, broken, monkeypatch, **options) == list(range(64, 110))  # 75 were kept
    assert_same(whole, broken)


@pytest.mark.parametrize("options", [{"measure": True}, {"where": "half_light>2"}, {}])
def test_a_run_that_ends_in_a_shard_paints_on_from_there(
    tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    options |= {"count": 40, "shard": 40, "format": "hdf5"}
    whole, broken = make(tiny, tmp_path / "whole", **options), tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        make(tiny, broken, report=ended_after(37), **options)
    tried = int(catalogue(whole)[36]["seed"]) - SEED + 1
    painted = painted_by_resuming(tiny, broken, monkeypatch, **options)
    assert tried > 32
    assert painted[0] == tried - tried % 32  # batches have fixed bounds
    assert_same(whole, broken)


@pytest.mark.parametrize("damage", ["cut off", "torn"])
def test_what_was_not_written_whole_is_painted_again(tiny: Bundle, tmp_path: Path, damage: str) -> None:
    options: dict[str, Any] = {"count": 40, "format": "parquet", "shard": 40}
    whole, broken = make(tiny, tmp_path / "whole", **options), tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        make(tiny, broken, report=ended_after(35), **options)
    spool = broken / ".parts/00000.spool"
    kept = bytearray(spool.read_bytes())
    if damage == "torn":
        kept[len(kept) // 2] ^= 255
    spool.write_bytes(kept[:-3])
    make(tiny, broken, **options)
    assert_same(whole, broken)


@pytest.mark.parametrize("done", [31, 32, 33])
def test_a_run_may_end_beside_the_bound_of_a_shard(tiny: Bundle, tmp_path: Path, png: Path, done: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(tiny, tmp_path / "broken", report=ended_after(done), format="png")
    if done == 32:  # ended between the last galaxy and the shard's part of the catalogue
        assert (tmp_path / "broken/.parts/00000.spool").exists()
    make(tiny, tmp_path / "broken", format="png")
    assert_same(png, tmp_path / "broken")


def test_a_finished_set_is_left_as_it_is(tiny: Bundle, png: Path) -> None:
    before = {name: (png / name).stat().st_mtime_ns for name in files(png)}
    make(tiny, png, format="png")
    assert {name: (png / name).stat().st_mtime_ns for name in files(png)} == before


def test_another_set_in_the_folder_is_refused_by_the_name_of_what_differs(tiny: Bundle, png: Path) -> None:
    with pytest.raises(SetError, match="of another psi, seed"):
        make(tiny, png, format="png", psi=0.5, seed=7)
    with pytest.raises(SetError, match="holds other files"):
        make(tiny, png / "shard-00000")


def test_hdf5_is_read_as_galaxy10_is_and_names_its_classes(tiny: Bundle, png: Path, tmp_path: Path) -> None:
    folder = make(tiny, tmp_path / "set", format="hdf5", count=24)
    with h5py.File(folder / "shard-00000.h5") as file:
        images, answers = file["images"][:], file["ans"][:]
    rows = catalogue(folder)
    assert np.array_equal(images, pixels(tiny, rows))
    assert answers.tolist() == [int(row["cluster"]) for row in rows]
    data = load_dataset(folder / "shard-00000.h5", tiny.resolution, minimum=1)
    assert len(data.images) == 24
    assert set(data.labels) == {row["family"] for row in rows}


def test_webdataset_reads_its_tar(tiny: Bundle, tmp_path: Path) -> None:
    import webdataset

    folder = make(tiny, tmp_path / "set", format="webdataset", count=10)
    found = list(webdataset.WebDataset(str(folder / "shard-00000.tar"), shardshuffle=False).decode("rgb8"))
    rows = catalogue(folder)
    assert [sample["__key__"] for sample in found] == [row["id"] for row in rows]
    assert [sample["cls"] for sample in found] == [int(row["cluster"]) for row in rows]
    assert found[0]["json"]["seed"] == SEED
    assert np.abs(found[3]["webp"].astype(int) - pixels(tiny, rows)[3]).mean() < 16  # WebP averages colours


def test_parquet_without_pyarrow_leaves_the_folder_free(
    tiny: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(SetError, match="pip install pyarrow, or choose another format"):
            make(tiny, tmp_path / "set", format="parquet", count=2)
    make(tiny, tmp_path / "set", format="webp", count=2)


def test_parquet_holds_images_beside_the_catalogue(tiny: Bundle, tmp_path: Path) -> None:
    from pyarrow import parquet

    folder = make(tiny, tmp_path / "set", format="parquet", count=10)
    table = parquet.read_table(folder / "shard-00000.parquet").to_pylist()
    assert [row["seed"] for row in table] == list(range(SEED, SEED + 10))
    assert Image.open(io.BytesIO(table[0]["image"]["bytes"])).size == (tiny.resolution,) * 2


def test_measured_sets_have_values_and_flags_and_fits_headers_hold_them(tiny: Bundle, tmp_path: Path) -> None:
    folder = make(tiny, tmp_path / "set", format="fits", count=6, measure=True)
    rows = catalogue(folder)
    measured = next(row for row in rows if row["flag"] in "01")
    assert 0 < float(measured["axis_ratio"]) <= 1
    assert float(measured["half_light"]) == pytest.approx(float(measured["half_light_share"]) * 32, abs=0.01)
    with fits.open(folder / measured["file"]) as file:
        header, planes = file[0].header, file[0].data
    assert header["SEED"] == int(measured["seed"])
    assert header["AXRATIO"] == float(measured["axis_ratio"])
    assert np.array_equal(planes[:, ::-1].transpose(1, 2, 0), pixels(tiny, rows)[rows.index(measured)])


def test_where_keeps_those_that_fulfil_it_and_says_what_share_did(tiny: Bundle, tmp_path: Path) -> None:
    plan = SetPlan.of(tiny, count=5, where="axis_ratio < 0.9 and half_light>1")
    made = generate_set(tiny, plan, tmp_path / "set", workers=1)
    rows = catalogue(tmp_path / "set")
    assert all(float(row["axis_ratio"]) < 0.9 and float(row["half_light"]) > 1 for row in rows)
    assert made.galaxies == len(rows) == 5
    assert made.candidates == int(rows[-1]["seed"]) + 1
    assert f"of {made.candidates} painted galaxies" in (tmp_path / "set" / "README.md").read_text()


def test_where_that_nothing_fulfils_ends_in_a_sentence(tiny: Bundle, tmp_path: Path) -> None:
    with pytest.raises(SetError, match="too few fulfil half_light>1000"):
        make(tiny, tmp_path / "set", count=1, where="half_light>1000")
    assert not list((tmp_path / "set").glob("*shard*"))


def test_croissant_finds_nothing_wrong_and_reads_the_catalogue(png: Path) -> None:
    import mlcroissant

    described = mlcroissant.Dataset(png / "croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert not described.metadata.ctx.issues.warnings
    records = list(described.records("galaxies"))
    assert len(records) == COUNT
    assert records[0]["galaxies/seed"] == SEED


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count of 1 or more"),
        ({"count": -3}, "count of 1 or more"),
        ({"shard": 0}, "1 or more"),
        ({"format": "bmp"}, "no format bmp"),
        ({"size": 48}, "no images of 48 px"),
        ({"size": 64}, "no images of 64 px"),
        ({"cluster": 99}, "no family 99"),
        ({"psi": float("nan")}, "variety of nan"),
        ({"seed": 2**63 - 1}, "Seeds from"),
        ({"steer": {"size": 1.0}}, "no direction “size”"),
        ({"where": "beauty>3"}, "no measured beauty"),
        ({"where": "gini is 3"}, "no condition"),
    ],
)
def test_options_that_make_no_set_are_refused(tiny: Bundle, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SetError, match=message):
        SetPlan.of(tiny, **{"count": 5} | options)


def test_a_size_averages_squares_of_pixels(tiny: Bundle, tmp_path: Path) -> None:
    plan = replace(SetPlan.of(tiny, count=3, format="png", seed=SEED), size=16)
    generate_set(tiny, plan, tmp_path / "set", workers=1)
    rows = catalogue(tmp_path / "set")
    found = np.asarray(Image.open(tmp_path / "set" / rows[0]["file"])).astype(float)
    whole = pixels(tiny, rows)[0].astype(float)
    assert np.abs(found - whole.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))).max() <= 1


def test_the_plan_is_kept_with_the_set(tiny: Bundle, png: Path) -> None:
    kept = json.loads((png / "set.json").read_text())
    assert (kept["count"], kept["seed"], kept["version"]) == (COUNT, SEED, tiny.version)
