import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from galaxies.ml.data import synthetic
from galaxies.ml.data.dataset import DatasetError, is_held_out, load_dataset, read_image


def save(path: Path, count: int = 1, side: int = 48, seed: int = 0) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(synthetic.draw(count, side, seed)[0]):
        Image.fromarray(image).save(path / f"{seed}-{i}.png")


def encoded(image: Image.Image, kind: str = "png", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def test_it_works(tmp_path: Path) -> None:
    save(tmp_path, 20)
    data = load_dataset(tmp_path, 32, minimum=1)
    assert data.images.shape == (20, 32, 32, 3)
    assert data.images.dtype == np.uint8
    assert sorted([*data.train, *np.flatnonzero(data.held_out)]) == list(range(20))


def test_the_centre_is_cut_out_and_halved_by_averaging() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 80, 3), np.uint8)
    image = read_image(encoded(Image.fromarray(pixels)), resolution=16, crop=32)
    centre = pixels[35:67, 25:57].reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    assert np.abs(image - centre).max() <= 1  # Pillow rounds after each axis


@pytest.mark.parametrize(("side", "middle"), [(100, 15), (101, 15), (32, 16)])
def test_the_middle_pixel_comes_to_the_middle_if_there_is_room(side: int, middle: int) -> None:
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[side // 2, side // 2] = 255, 0, 0
    image = read_image(encoded(Image.fromarray(pixels)), resolution=32, crop=32)
    assert np.argwhere(image[..., 0] == 255).tolist() == [[middle, middle]]


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_jpeg_and_webp_are_read(kind: str) -> None:
    image = Image.fromarray(synthetic.draw(1, 64)[0][0])
    assert read_image(encoded(image, kind), 32).shape == (32, 32, 3)


def unusable() -> dict[str, bytes]:
    image = Image.fromarray(synthetic.draw(1, 64)[0][0])
    frames = [image, image.rotate(90)]
    deep = np.zeros((64, 64), np.uint16)
    return {
        "truncated.png": encoded(image)[:300],
        "text.jpg": b"not an image",
        "empty.webp": b"",
        "tiny.png": encoded(image.resize((8, 8))),
        "grey.png": encoded(image.convert("L")),
        "grey_in_colour.png": encoded(image.convert("L").convert("RGB")),
        "cmyk.jpg": encoded(image.convert("CMYK"), "jpeg"),
        "deep.png": encoded(Image.fromarray(deep)),
        "animated.webp": encoded(image, "webp", save_all=True, append_images=frames),
    }


def test_unusable_files_are_skipped_counted_and_named(tmp_path: Path) -> None:
    save(tmp_path, 3)
    for name, raw in unusable().items():
        (tmp_path / name).write_bytes(raw)
    data = load_dataset(tmp_path, 32, minimum=1)
    assert len(data.images) == 3
    assert set(data.skipped) == set(unusable())
    assert "9 skipped" in data.report()
    assert all(name in data.report() for name in unusable())


def test_deep_colour_is_refused() -> None:
    header = bytes.fromhex("89504e470d0a1a0a")
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + bytes(range(192)) * 2 for _ in range(64)))
    png = (
        header
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )
    with pytest.raises(DatasetError, match="16-bit"):
        read_image(png, 32)


def test_only_the_first_ten_skipped_files_are_named(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for i in range(12):
        (tmp_path / f"bad{i:02d}.png").write_bytes(b"no")
    report = load_dataset(tmp_path, 32, minimum=1).report()
    assert "12 skipped" in report
    assert "bad09" in report
    assert "bad10" not in report


def test_too_few_images_is_one_clear_error(tmp_path: Path) -> None:
    save(tmp_path, 4)
    with pytest.raises(DatasetError, match=r"Only 4 usable images.*at least 500"):
        load_dataset(tmp_path, 32)


def test_a_missing_and_an_empty_folder_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no folder or file"):
        load_dataset(tmp_path / "nowhere", 32)
    with pytest.raises(DatasetError, match="holds no JPEG, PNG or WebP"):
        load_dataset(tmp_path, 32)


def test_duplicates_are_dropped_and_adding_files_moves_nobody(tmp_path: Path) -> None:
    save(tmp_path, 30)
    (tmp_path / "copy.png").write_bytes((tmp_path / "0-3.png").read_bytes())
    before = load_dataset(tmp_path, 32, minimum=1)
    assert before.skipped == {"copy.png": "an exact duplicate"}
    save(tmp_path, 30, seed=1)
    after = load_dataset(tmp_path, 32, minimum=1)
    where = dict(zip(after.digests, after.held_out, strict=True))
    assert all(where[digest] == held for digest, held in zip(before.digests, before.held_out, strict=True))


def test_a_fifth_is_held_out() -> None:
    import hashlib

    held = [is_held_out(hashlib.sha256(str(i).encode()).hexdigest()) for i in range(5000)]
    assert 0.18 < np.mean(held) < 0.22


def test_the_second_reading_comes_from_the_cache_until_a_file_changes(tmp_path: Path) -> None:
    folder, cache = tmp_path / "images", tmp_path / "cache"
    save(folder, 5)
    first = load_dataset(folder, 32, cache, minimum=1)
    seen: list[int] = []
    second = load_dataset(folder, 32, cache, minimum=1, progress=lambda done, total: seen.append(done))
    assert not seen
    assert np.array_equal(first.images, second.images)
    assert first.digests == second.digests
    save(folder, 1, seed=2)
    assert len(load_dataset(folder, 32, cache, minimum=1).images) == 6


def test_labels_beside_the_folder_are_read(tmp_path: Path) -> None:
    save(tmp_path / "images", 2)
    (tmp_path / "labels.csv").write_text("id,file,morphology\n1,images/0-1.png,spiral\n")
    assert load_dataset(tmp_path / "images", 32, minimum=1).labels == ("", "spiral")


def test_galaxy10_hdf5_is_read_with_its_classes(tmp_path: Path) -> None:
    images, _ = synthetic.draw(6, 64)
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["images"], file["ans"] = images, np.array([0, 1, 2, 5, 9, 9])
    data = load_dataset(tmp_path / "g.h5", 32, minimum=1)
    assert data.images.shape == (6, 32, 32, 3)
    assert data.labels[0] == "disturbed"
    assert data.labels[5] == "edge-on with bulge"


def test_an_hdf5_file_without_images_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "g.h5", "w") as file:
        file["other"] = [1]
    with pytest.raises(DatasetError, match="holds no uint8 data set"):
        load_dataset(tmp_path / "g.h5", 32)
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(DatasetError, match="not a readable HDF5"):
        load_dataset(tmp_path / "bad.h5", 32)
