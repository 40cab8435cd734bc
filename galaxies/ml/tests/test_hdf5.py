from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from galaxies.ml.arrays import Images
from galaxies.ml.data import synthetic
from galaxies.ml.data.dataset import Dataset, DatasetError, load_dataset
from galaxies.ml.data.galaxy10 import DECALS, SDSS
from galaxies.ml.data.options import ReadingOptions


@pytest.fixture(scope="module")
def images() -> Images:
    return synthetic.draw(6, 64)[0]


def write(path: Path, **arrays: Any) -> Path:
    with h5py.File(path / "g.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    return path / "g.h5"


def load(path: Path, **options: Any) -> Dataset:
    return load_dataset(path, 32, minimum=1, options=ReadingOptions(**options))


@pytest.mark.parametrize(("known", "side"), [(DECALS, 256), (SDSS, 69)])
def test_galaxy10_is_read_with_the_classes_of_its_own_size(tmp_path: Path, known: Any, side: int) -> None:
    data = load(write(tmp_path, images=synthetic.draw(6, side)[0], ans=[0, 1, 2, 5, 9, 9]))
    assert data.images.shape == (6, 32, 32, 3)
    assert data.labels == tuple(known.classes[i] for i in (0, 1, 2, 5, 9, 9))
    assert SDSS.classes[0] == "Disk, Face-on, No Spiral"


def test_classes_of_an_unknown_set_get_no_false_name(tmp_path: Path, images: Images) -> None:
    assert load(write(tmp_path, images=images, ans=range(6))).labels == ("0", "1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    "answers",
    [np.eye(3)[[0, 2, 1, 1, 0, 2]], [[0.0], [2], [1], [1], [0], [2]], np.eye(3, dtype=bool)[[0, 2, 1, 1, 0, 2]]],
)
def test_one_hot_answers_are_classes(tmp_path: Path, images: Images, answers: Any) -> None:
    assert load(write(tmp_path, images=images, ans=answers)).labels == ("0", "2", "1", "1", "0", "2")


def test_an_image_without_a_vote_has_no_class_and_text_is_a_class(tmp_path: Path, images: Images) -> None:
    votes = np.array([[0.2, 0.8], [0, 0], [np.nan, np.nan], [1, 0], [1, 0], [1, 0]])
    assert load(write(tmp_path, images=images, ans=votes)).labels == ("1", "", "", "0", "0", "0")
    names = np.array([b"spiral", b"", b"ring", b"ring", b"ring", b"ring"])
    path = write(tmp_path, images=images, kind=names)
    assert load(path, hdf5_labels="kind").labels[:3] == ("spiral", "", "ring")


@pytest.mark.parametrize(("axes", "order"), [("NCHW", (0, 3, 1, 2)), ("HWCN", (1, 2, 3, 0)), ("CHWN", (3, 1, 2, 0))])
def test_the_order_of_the_axes_is_told_by_shape(
    tmp_path: Path, images: Images, axes: str, order: tuple[int, ...]
) -> None:
    expected = load(write(tmp_path, images=images))
    found = load(write(tmp_path, images=images.transpose(order)))
    assert np.array_equal(found.images, expected.images)
    assert found.digests == expected.digests


def test_the_order_is_asked_for_where_two_are_possible(tmp_path: Path, images: Images) -> None:
    as_it_is = load(write(tmp_path, images=images[:3]), hdf5_axes="NHWC")
    path = write(tmp_path, images=images[:3].transpose(3, 1, 2, 0))
    with pytest.raises(DatasetError, match=r"NHWC or CHWN .*--hdf5-axes"):
        load(path)
    assert np.array_equal(load(path, hdf5_axes="CHWN").images, as_it_is.images)


@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x / 255,
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int64),
        lambda x: x.astype(np.uint16) * 257,
        lambda x: (x / 255).astype(np.float16),
    ],
)
def test_whole_numbers_and_floats_are_read_as_their_levels(tmp_path: Path, images: Images, changed: Any) -> None:
    expected = load(write(tmp_path, images=images)).images
    found = load(write(tmp_path, images=changed(images))).images
    assert np.abs(found.astype(int) - expected).max() <= (1 if changed(images).dtype == np.float16 else 0)


def test_an_image_with_a_value_that_is_no_number_is_skipped(tmp_path: Path, images: Images) -> None:
    broken = images / 255
    broken[2, 5, 5] = np.nan
    data = load(write(tmp_path, images=broken, ans=range(6)))
    assert data.skipped == {"images[2]": "holds values that are no numbers"}
    assert data.labels == ("0", "1", "3", "4", "5")


def test_grey_images_are_refused_as_grey_files_are(tmp_path: Path, images: Images) -> None:
    grey = images.copy()
    grey[1] = grey[1][..., :1]
    assert "grey" in load(write(tmp_path, images=grey)).skipped["images[1]"]
    with pytest.raises(DatasetError, match=r"\(6, 64, 64\) is grey"):
        load(write(tmp_path, images=images[..., 0]))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": np.zeros((5, 64, 64, 4), np.uint8)}, r"shape \(5, 64, 64, 4\), and must have 3 colours"),
        ({"images": np.zeros((0, 64, 64, 3), np.uint8)}, r"shape \(0, 64, 64, 3\), and must be"),
        ({"images": np.full((5, 64, 64, 3), -1.0)}, "go from -1 to -1"),
        ({"images": np.full((5, 64, 64, 3), 70_000)}, "go from 70000 to 70000"),
        ({"images": np.array([b"jpeg"] * 5)}, "must be whole numbers"),
        ({"other": [1]}, r"holds no uint8 data set images .* but other \(1,\) int64: name .*--hdf5-images"),
        ({"images": np.zeros((5, 64, 64, 3), np.uint8), "ans": range(4)}, "5 images and 4 labels"),
        (
            {"images": np.zeros((5, 64, 64, 3), np.uint8), "ans": np.zeros((5, 2, 2))},
            r"ans is float64 of shape \(5, 2, 2",
        ),
        ({"images": np.zeros((5, 16, 16, 3), np.uint8)}, "16 x 16 px, smaller than 32 px: choose"),
    ],
)
def test_what_cannot_be_read_is_a_sentence_before_anything_starts(
    tmp_path: Path, arrays: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        load(write(tmp_path, **arrays))


def test_other_data_sets_are_named(tmp_path: Path, images: Images) -> None:
    path = write(tmp_path, **{"data/rgb": images, "label": range(6)})
    assert load(path, hdf5_images="data/rgb", hdf5_labels="label").labels[5] == "5"
    with pytest.raises(DatasetError, match="no data set kind, but data/rgb, label"):
        load(path, hdf5_images="data/rgb", hdf5_labels="kind")
    with pytest.raises(DatasetError, match="--hdf5-labels, not with --labels"):
        load(path, labels="labels.csv")


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(DatasetError, match="not a readable HDF5"):
        load(tmp_path / "bad.h5")
    path = tmp_path / "g.h5"
    with h5py.File(path, "w") as file:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3), np.uint8)
        images = file.create_dataset("images", data=noise, chunks=(4, 64, 64, 3), compression="gzip")
        at = images.id.get_chunk_info(9).byte_offset
    raw = bytearray(path.read_bytes())
    raw[at : at + 500] = bytes(500)
    path.write_bytes(raw)
    with pytest.raises(DatasetError, match=r"g\.h5 is damaged: images\[.*fetch or copy it again"):
        load(path)


def test_a_file_is_read_in_whole_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = synthetic.draw(10, 32)
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=(4, 8, 8, 1), compression="gzip")
    monkeypatch.setattr("galaxies.ml.data.hdf5.BLOCK_BYTES", 1)
    asked = []
    read = h5py.Dataset.__getitem__

    def counted(self: Any, where: Any) -> Any:
        asked.append((where[0].start, where[0].stop))
        return read(self, where)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", counted)
    assert len(load(tmp_path / "g.h5").images) == 10
    assert asked == [(0, 4), (4, 8), (8, 10)]
