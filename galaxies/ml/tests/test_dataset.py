import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galaxies.ml.data import synthetic
from galaxies.ml.data.cache import Writer
from galaxies.ml.data.dataset import DatasetError, load_dataset
from galaxies.ml.data.options import ReadingOptions, options_of
from galaxies.ml.data.pictures import read_image
from galaxies.ml.data.split import is_held_out


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


def test_the_same_pixels_in_other_files_stand_on_one_side_only(tmp_path: Path) -> None:
    for i, image in enumerate(synthetic.draw(40, 48)[0]):
        Image.fromarray(image).save(tmp_path / f"{i}.jpg", quality=95)
        Image.open(tmp_path / f"{i}.jpg").save(tmp_path / f"{i}-copy.png")
    data = load_dataset(tmp_path, 32, minimum=1)
    assert len(data.images) == data.duplicates == 40
    train = {image.tobytes() for image in data.images[data.train]}
    assert not any(image.tobytes() in train for image in data.images[data.held_out])
    # The side is that of the pixels: which of the two files is there decides nothing.
    for path in tmp_path.glob("*.jpg"):
        path.unlink()
    again = load_dataset(tmp_path, 32, minimum=1)
    assert (again.digests, again.duplicates) == (data.digests, 0)


def test_what_is_the_same_in_all_that_is_used_is_a_duplicate(tmp_path: Path) -> None:
    image = synthetic.draw(1, 48)[0][0]
    Image.fromarray(image).save(tmp_path / "0.png")
    framed = image.copy()
    framed[0] = 0
    Image.fromarray(framed).save(tmp_path / "1.png")
    assert load_dataset(tmp_path, 32, crop=40, minimum=1).skipped == {"1.png": "an exact duplicate"}
    assert not load_dataset(tmp_path, 32, crop=48, minimum=1).skipped


def test_bundles_from_before_are_split_by_files(tmp_path: Path) -> None:
    save(tmp_path / "g", 30)
    data = load_dataset(tmp_path / "g", 32, minimum=1, options=ReadingOptions(split="files"))
    files = (tmp_path / "g").iterdir()
    assert set(data.digests) == {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert options_of({"crop": 256, "source": "images"}).split == "files"
    assert options_of({"split": "pixels", "stretch": 0.5}) == ReadingOptions(stretch=0.5)


def test_what_is_not_read_is_named_with_its_reason(tmp_path: Path) -> None:
    save(tmp_path / "g", 2)
    save(tmp_path / "elsewhere", 2, seed=1)
    (tmp_path / "g/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "g/gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "g/linked.png").symlink_to(tmp_path / "elsewhere/1-0.png")
    for name in ("phone.heic", "film.gif", "set.h5", "noextension", ".hidden.png", "readme.txt"):
        (tmp_path / "g" / name).write_bytes(b"no")
    (tmp_path / "g/__MACOSX").mkdir()
    (tmp_path / "g/__MACOSX/._0.png").write_bytes(b"no")
    data = load_dataset(tmp_path / "g", 32, minimum=1)
    assert len(data.images) == 3
    assert set(data.skipped) == {"linked/", "gone.png", "phone.heic", "film.gif", "set.h5", "noextension"}
    assert "a link to a folder" in data.skipped["linked/"]
    assert "leads nowhere" in data.skipped["gone.png"]
    assert "give it to --images itself" in data.skipped["set.h5"]
    assert data.skipped["film.gif"] == "not JPEG, PNG, WebP, TIFF or FITS"


def test_names_that_are_not_utf_8_are_escaped(tmp_path: Path) -> None:
    save(tmp_path / "g", 1)
    os.rename(tmp_path / "g/0-0.png", os.fsencode(tmp_path / "g") + b"/gal\xe1xia.png")
    Path(os.fsdecode(os.fsencode(tmp_path / "g") + b"/b\xe1d.jpg")).write_bytes(b"no")
    for _ in range(2):
        data = load_dataset(tmp_path / "g", 32, tmp_path / "cache", minimum=1)
        assert data.names == (r"gal\xe1xia.png",)
        assert r"b\xe1d.jpg: no JPEG" in data.report()
        data.report().encode()


def test_a_file_that_cannot_be_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 3)
    read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "0-1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)  # root may read everything
    assert load_dataset(tmp_path, 32, minimum=1).skipped == {"0-1.png": "cannot be read (Permission denied)"}


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "g", 3)

    def full(writer: Writer, pixels: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "append", full)
    with pytest.raises(DatasetError, match=r"image cache .* cannot be written .the disk is full.: make room"):
        load_dataset(tmp_path / "g", 32, tmp_path / "cache", minimum=1)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_cache_that_is_damaged_or_outlived_is_made_anew(tmp_path: Path) -> None:
    folder, cache = tmp_path / "g", tmp_path / "cache"
    save(folder, 4)
    first = load_dataset(folder, 32, cache, minimum=1)
    array = next(cache.glob("*/images.npy"))
    array.write_bytes(array.read_bytes()[:2000])
    assert np.array_equal(load_dataset(folder, 32, cache, minimum=1).images, load_dataset(folder, 32, minimum=1).images)
    status = (folder / "0-0.png").stat()
    Image.fromarray(synthetic.draw(1, 48, 5)[0][0]).save(folder / "0-0.png")
    os.utime(folder / "0-0.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    changed = load_dataset(folder, 32, cache, minimum=1)
    assert changed.digests != first.digests
    assert len(list(cache.iterdir())) == 1  # what the folder was before takes no room
    load_dataset(folder, 32, cache, crop=40, minimum=1)
    assert len(list(cache.iterdir())) == 2


def test_sizes_are_those_of_the_sources(tmp_path: Path) -> None:
    Image.fromarray(synthetic.draw(1, 64)[0][0][:40]).save(tmp_path / "0.png")
    assert load_dataset(tmp_path, 32, minimum=1).sizes == ((64, 40),)
