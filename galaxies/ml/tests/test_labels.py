"""Labels as people keep them: tables of many makes, and a folder for each class."""

import gzip
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from galaxies.ml.data import synthetic
from galaxies.ml.data.dataset import Dataset, DatasetError, load_dataset
from galaxies.ml.data.options import ReadingOptions


def make(folder: Path, *names: str) -> Path:
    """Write a drawn galaxy under each of the names."""
    for name, image in zip(names, synthetic.draw(len(names), 32)[0], strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / name)
    return folder


def load(folder: Path, cache: Path | None = None, **options: Any) -> Dataset:
    return load_dataset(folder, 32, cache, minimum=1, options=ReadingOptions(**options))


def labels(folder: Path, **options: Any) -> dict[str, str]:
    data = load(folder, **options)
    return {name: label for name, label in zip(data.names, data.labels, strict=True) if label}


def test_a_path_meets_its_own_file_though_names_are_the_same(tmp_path: Path) -> None:
    make(tmp_path / "g", "spiral/0.png", "smooth/0.png", "1.png")
    (tmp_path / "g/labels.csv").write_text("file,morphology\nspiral/0.png,s\nsmooth/0.png,e\n1.png,x\n")
    assert labels(tmp_path / "g") == {"spiral/0.png": "s", "smooth/0.png": "e", "1.png": "x"}


def test_a_table_beside_the_folder_tells_folders_apart_by_their_names(tmp_path: Path) -> None:
    make(tmp_path / "train", "0.png", "1.png")
    (tmp_path / "labels.csv").write_text("file,morphology\ntest/0.png,wrong\ntrain/0.png,right\n/x/train/1.png,far\n")
    assert labels(tmp_path / "train") == {"0.png": "right", "1.png": "far"}


def test_a_name_that_fits_several_files_or_classes_labels_none_and_is_told(tmp_path: Path) -> None:
    make(tmp_path / "g", "a/0.png", "b/0.png", "1.png")
    (tmp_path / "g/labels.csv").write_text("file,morphology\n0.png,s\nx/1.png,s\ny/1.png,e\n")
    data = load(tmp_path / "g")
    assert set(data.labels) == {""}
    assert "2 names in labels.csv fit several images or classes, such as 0.png: write paths" in data.report()


def test_a_name_without_extension_that_fits_two_files_labels_none(tmp_path: Path) -> None:
    make(tmp_path / "g", "0.png", "0.tif", "1.png", "A.png", "a.png")
    (tmp_path / "g/labels.csv").write_text("file,morphology\n0,s\n1,e\nA.png,x\na.png,y\n")
    assert labels(tmp_path / "g") == {"1.png": "e", "A.png": "x", "a.png": "y"}


@pytest.mark.parametrize(
    "table",
    [
        "\ufefffile,morphology\n0.png,spiral\n1.png,smooth\n".encode(),
        b"file;morphology\n0.png;spiral\n1.png;smooth\n",
        b"sep=;\nfile;morphology\n0.png;spiral\n1.png;smooth\n",
        b"file\tmorphology\n0.png\tspiral\n1.png\tsmooth\n",
        b"File,Morphology\r\n0.PNG,spiral\r\n1.png,smooth\r\n",
        b'"file" , "Class"\n0,spiral\n1,smooth\n',
        b"filename,label\n.\\g\\0.png,spiral\ng\\1.png,smooth\n",
        b"id,file,morphology,note\n5,./0.png, spiral ,\n6,1,smooth,\n7,8.png\n",
        "file,morphology\n0.png,spiral\n1.png,smooth\n".encode("utf-16"),
    ],
)
def test_tables_of_all_makes_are_read(tmp_path: Path, table: bytes) -> None:
    make(tmp_path / "g", "0.png", "1.png", "2.png")
    (tmp_path / "g/labels.csv").write_bytes(table)
    assert labels(tmp_path / "g") == {"0.png": "spiral", "1.png": "smooth"}
    assert "labels.csv labels 2 of 3 images." in load(tmp_path / "g").report()


def test_a_table_that_labels_nothing_says_what_it_needs_and_has(tmp_path: Path) -> None:
    make(tmp_path / "g", "0.png")
    (tmp_path / "g/labels.csv").write_text("GalaxyID,Class1.1\n0,0.9\n")
    report = load(tmp_path / "g").report()
    assert "labels.csv labels 0 of 1 images: it needs the columns file and morphology, and has GalaxyID, Class1.1" in (
        report
    )
    (tmp_path / "g/labels.csv").write_text("file,morphology\nother.png,ring\n")
    assert "labels 0 of 1 images: none is called other.png" in load(tmp_path / "g").report()
    with pytest.raises(DatasetError, match=r"none is called other\.png"):
        load(tmp_path / "g", labels=str(tmp_path / "g/labels.csv"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("file,morphology\n0.png,spirale barrée\n".encode("latin-1"), r"labels\.csv is not in UTF-8 .*Latin-1"),
        (b"file,morphology\n" + b"1.png,x\n" * 9000 + "0.png,barrée\n".encode("cp1252"), "is not in UTF-8"),
        (b"PK\3\4" + bytes(200), r"labels\.csv is (no text|no readable CSV|not in UTF-8)"),
    ],
)
def test_a_table_in_another_encoding_is_a_sentence_before_images_are_read(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    make(tmp_path / "g", "0.png")
    (tmp_path / "g/labels.csv").write_bytes(content)
    seen: list[int] = []
    with pytest.raises(DatasetError, match=sentence):
        load_dataset(tmp_path / "g", 32, minimum=1, progress=lambda done, total: seen.append(done))
    assert not seen


def test_labels_that_come_after_the_cache_are_seen(tmp_path: Path) -> None:
    folder, cache = make(tmp_path / "g", "0.png", "1.png"), tmp_path / "cache"
    assert set(load(folder, cache).labels) == {""}
    (folder / "labels.csv").write_text("file,morphology\n0.png,spiral\n")
    assert load(folder, cache).labels == ("spiral", "")
    (folder / "labels.csv").write_text("file,morphology\n0.png,barred\n")
    assert load(folder, cache).labels == ("barred", "")


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    folder = make(tmp_path / "g", "train/spiral/0.png", "train/smooth/0.png", "test/spiral/1.png")
    data = load(folder)
    assert data.labels == ("spiral", "smooth", "spiral")
    assert "the names of the folders are taken for classes (smooth, spiral)" in data.report()
    assert labels(make(tmp_path / "split", "train/0.png", "test/0.png")) == {}
    assert labels(make(tmp_path / "shards", "00/0.png", "01/1.png", "ff/2.png")) == {}
    assert labels(make(tmp_path / "mixed", "deep/0.png", "1.png")) == {}


def catalogue(path: Path, text: str = "") -> str:
    path.write_text(
        text
        or "iauname,smooth,disk,artifact\nJ0,0.7,0.3,0\nJ1.png,0.45,0.4,0.15\nJ2,0.1,0.9,\nJ3,nan,nan,nan\nJ9,1,0,0\n"
    )
    return str(path)


def test_vote_fractions_are_read_above_the_threshold(tmp_path: Path) -> None:
    folder = make(tmp_path / "g", "a/J0.png", "J1.png", "J2.png", "J3.png")
    asked = {"labels": catalogue(tmp_path / "votes.csv"), "labels_id": "iauname"}
    columns = ("smooth", "disk", "artifact")
    assert labels(folder, **asked, labels_class=columns) == {"a/J0.png": "smooth", "J2.png": "disk"}
    found = labels(folder, **asked, labels_class=columns, labels_threshold=0.4)
    assert found == {"a/J0.png": "smooth", "J1.png": "smooth", "J2.png": "disk"}
    assert labels(folder, **asked, labels_class=("disk",), labels_threshold=0.8) == {"J2.png": "disk"}
    assert labels(folder, **asked, labels_class=("DISK",))["J2.png"] == "0.9"  # one column is the class itself


def test_a_gzipped_catalogue_is_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "g", "587722981736120347.jpg")
    with gzip.open(tmp_path / "gz2.csv.gz", "wt") as file:
        file.write("dr7objid,gz2_class\n587722981736120347,Sb+t\n")
    asked = {"labels": str(tmp_path / "gz2.csv.gz"), "labels_id": "dr7objid", "labels_class": ("gz2_class",)}
    assert labels(folder, **asked) == {"587722981736120347.jpg": "Sb+t"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels_id": "id"}, "has no column id: choose from iauname, smooth, disk, artifact"),
        ({"labels_id": "iauname", "labels_class": ("spiral",)}, "has no column spiral"),
        ({"labels_id": "iauname"}, "labels 0 of 1 images: it needs the columns"),
        ({"labels_id": "smooth", "labels_class": ("iauname", "disk")}, "where vote fractions should be"),
        ({"labels_threshold": 1.5}, "--labels-threshold 1.5 does not lie between 0 and 1"),
        ({"labels": ""}, "need --labels FILE"),
        ({"labels": "nowhere.csv"}, "The labels nowhere.csv cannot be read .No such file"),
    ],
)
def test_a_catalogue_that_cannot_be_used_is_a_sentence(tmp_path: Path, options: dict[str, Any], sentence: str) -> None:
    folder = make(tmp_path / "g", "J0.png")
    asked = {"labels": catalogue(tmp_path / "votes.csv"), "labels_id": "iauname", **options}
    with pytest.raises(DatasetError, match=sentence):
        load(folder, **asked)


def test_parquet_without_pyarrow_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "g", "J0.png")
    (tmp_path / "votes.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match="install pyarrow, or save the table as CSV"):
        load(folder, labels=str(tmp_path / "votes.parquet"))


def test_parquet_is_read_where_pyarrow_is(tmp_path: Path) -> None:
    pyarrow: types.ModuleType = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = make(tmp_path / "g", "J0.png", "J1.png")
    table = pyarrow.table({"id_str": ["J0", "J1"], "smooth": [0.8, 0.2], "featured": np.array([0.2, 0.8])})
    parquet.write_table(table, tmp_path / "votes.parquet")
    asked: dict[str, Any] = {"labels": str(tmp_path / "votes.parquet"), "labels_id": "id_str"}
    asked["labels_class"] = ("smooth", "featured")
    assert labels(folder, **asked) == {"J0.png": "smooth", "J1.png": "featured"}
    (tmp_path / "votes.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="no readable Parquet"):
        load(folder, **asked)
