"""Images in, arrays out: folders and HDF5 files become one uint8 array with a fixed train and held-out split.

data = load_dataset(Path("galaxies"), resolution=128, cache=Path("var/datasets"))
data.images[data.train]         # (n, 128, 128, 3) uint8
print(data.report())
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from galaxies.ml.arrays import Images

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
HDF5_SUFFIXES = frozenset({".h5", ".hdf5"})
HELD_OUT = 0.2
CROP = 256
MINIMUM = 500
RESIZE_FILTER = "area"
CACHE_FORMAT = 2

# Galaxy10 DECaLS, in the order of its `ans` (Leung & Bovy 2019; Walmsley et al. 2021).
GALAXY10_CLASSES = (
    "disturbed",
    "merging",
    "round smooth",
    "in-between round smooth",
    "cigar-shaped smooth",
    "barred spiral",
    "unbarred tight spiral",
    "unbarred loose spiral",
    "edge-on without bulge",
    "edge-on with bulge",
)
GALAXY10_FILE = "Galaxy10_DECals.h5"
GALAXY10_URL = f"https://zenodo.org/records/10845026/files/{GALAXY10_FILE}"
GALAXY10_SHA256 = "19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571"


class DatasetError(Exception):
    """The images cannot be used; the message says why in one sentence."""


@dataclass(frozen=True)
class Dataset:
    """images: (N, R, R, 3) uint8, maybe memory-mapped; held_out: (N,) bool; labels: N class names, "" for none."""

    images: Images
    held_out: npt.NDArray[np.bool_]
    labels: tuple[str, ...]
    digests: tuple[str, ...]
    source: str
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def train(self) -> npt.NDArray[np.int64]:
        """Indices of the images that training may see."""
        return np.flatnonzero(~self.held_out)

    @property
    def resolution(self) -> int:
        return int(self.images.shape[1])

    @property
    def fingerprint(self) -> str:
        """One checksum for the set of files, whatever their order and size on the page."""
        return hashlib.sha256("".join(sorted(self.digests)).encode()).hexdigest()

    def report(self) -> str:
        """What was read and what was not, the first ten skipped files by name."""
        lines = [
            f"{len(self.images)} images from {self.source}: {len(self.train)} train, {self.held_out.sum()} held out"
        ]
        if self.skipped:
            lines.append(f"{len(self.skipped)} skipped:")
            lines += [f"  {name}: {why}" for name, why in list(self.skipped.items())[:10]]
        return "\n".join(lines)


def is_held_out(digest: str, share: float = HELD_OUT) -> bool:
    """Whether a file belongs to the held-out part: depends on its bytes alone, so adding files moves nobody."""
    return int(digest[:12], 16) < share * 16**12


def read_image(raw: bytes, resolution: int, crop: int = CROP) -> Images:
    """Decode one file, cut its central square and shrink it with an area filter.

    Returns: (resolution, resolution, 3) uint8.
    Raises: DatasetError if the file is not a still 8-bit RGB image of at least `resolution` pixels a side.
    """
    try:
        with Image.open(io.BytesIO(raw)) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise DatasetError("animated")
            if image.mode not in ("RGB", "RGBA"):
                raise DatasetError(f"not 8-bit RGB but mode {image.mode}")
            if any("16" in str(tile[3]) for tile in image.tile):
                raise DatasetError("not 8-bit RGB but 16-bit")
            if min(image.size) < resolution:
                raise DatasetError(f"{image.width} x {image.height} is smaller than {resolution} px")
            image.load()
            pixels = np.asarray(_square(image.convert("RGB"), resolution, crop))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"unreadable ({error.__class__.__name__})") from error
    if (pixels == pixels[:, :, :1]).all():
        raise DatasetError("grey: colour is part of what is learned")
    return pixels


def _square(image: Image.Image, resolution: int, crop: int) -> Image.Image:
    side = max(min(crop, *image.size), resolution)
    # The middle of an even side n is pixel n / 2 in SDSS's cutouts: here it comes to the left of the square's middle,
    # where the galaxies' measured mean centre is nearest to it and a mirrored galaxy stays in its place.
    left, top = (min(n // 2 - (side - 1) // 2, n - side) for n in image.size)
    image = image.crop((left, top, left + side, top + side))
    return image if side == resolution else image.resize((resolution, resolution), Image.Resampling.BOX)


def load_dataset(
    source: Path,
    resolution: int,
    cache: Path | None = None,
    crop: int = CROP,
    minimum: int = MINIMUM,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read a folder of images or an HDF5 file in Galaxy10's format; the second time from the cache.

    Raises: DatasetError if there is nothing to read or fewer than `minimum` images are usable.
    """
    if not source.exists():
        raise DatasetError(f"There is no folder or file {source}: give --images a folder of images or an HDF5 file.")
    listing = _listing(source)
    if source.is_dir() and not listing:
        raise DatasetError(f"{source} holds no JPEG, PNG or WebP file: give --images the folder that holds the images.")
    key = hashlib.sha256(json.dumps([CACHE_FORMAT, str(source.resolve()), listing, resolution, crop]).encode())
    folder = cache / key.hexdigest()[:16] if cache else None
    if folder and (folder / "index.json").exists():
        data = _read_cache(folder)
    else:
        data = _read(source, listing, resolution, crop, progress)
        if folder:
            _write_cache(folder, data)
    if len(data.images) < minimum:
        raise DatasetError(
            f"Only {len(data.images)} usable images in {source}, {len(data.skipped)} skipped: "
            f"at least {minimum} are needed.\n{data.report()}"
        )
    return data


def _listing(source: Path) -> list[tuple[str, int, int]]:
    files = (
        sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
        if source.is_dir()
        else [source]
    )
    return [(str(f.relative_to(source)), f.stat().st_size, f.stat().st_mtime_ns) for f in files]


def _read(
    source: Path,
    listing: list[tuple[str, int, int]],
    resolution: int,
    crop: int,
    progress: Callable[[int, int], None] | None,
) -> Dataset:
    if source.suffix.lower() in HDF5_SUFFIXES:
        total, items = _hdf5(source, resolution, crop)
    elif source.is_dir():
        total, items = len(listing), _folder(source, [name for name, _, _ in listing], resolution, crop)
    else:
        raise DatasetError(f"{source} is neither a folder nor an HDF5 file (.h5, .hdf5).")
    images, labels, digests, skipped = [], [], [], {}
    seen: set[str] = set()
    for done, (name, digest, label, image) in enumerate(items, 1):
        if isinstance(image, str):
            skipped[name] = image
        elif digest in seen:
            skipped[name] = "an exact duplicate"
        else:
            seen.add(digest)
            images.append(image)
            labels.append(label)
            digests.append(digest)
        if progress:
            progress(done, total)
    held_out = np.array([is_held_out(d) for d in digests], dtype=bool)
    array = np.stack(images) if images else np.empty((0, resolution, resolution, 3), np.uint8)
    return Dataset(array, held_out, tuple(labels), tuple(digests), source.name, skipped)


Item = tuple[str, str, str, Images | str]


def _folder(source: Path, names: list[str], resolution: int, crop: int) -> Iterator[Item]:
    labels = _labels(source)
    for name in names:
        raw = (source / name).read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        try:
            yield name, digest, labels.get(Path(name).name, ""), read_image(raw, resolution, crop)
        except DatasetError as error:
            yield name, digest, "", str(error)


def _labels(source: Path) -> dict[str, str]:
    """Class names by file name, from a `labels.csv` (columns file, morphology) in the folder or beside it."""
    for path in (source / "labels.csv", source.parent / "labels.csv"):
        if path.exists():
            with path.open(newline="") as file:
                return {
                    Path(r["file"]).name: r["morphology"]
                    for r in csv.DictReader(file)
                    if {"file", "morphology"} <= r.keys()
                }
    return {}


def _hdf5(source: Path, resolution: int, crop: int) -> tuple[int, Iterator[Item]]:
    import h5py

    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise DatasetError(f"{source} is not a readable HDF5 file: fetch or copy it again.") from error
    if "images" not in file or file["images"].ndim != 4 or file["images"].dtype != np.uint8:
        raise DatasetError(f"{source} holds no uint8 data set `images` of shape (N, H, W, 3).")

    def items() -> Iterator[Item]:
        with file:
            classes = file["ans"][:] if "ans" in file else None
            for index, pixels in enumerate(file["images"]):
                name, digest = f"images[{index}]", hashlib.sha256(pixels.tobytes()).hexdigest()
                label = _galaxy10_class(int(classes[index])) if classes is not None else ""
                if min(pixels.shape[:2]) < resolution:
                    yield name, digest, label, f"smaller than {resolution} px"
                else:
                    yield name, digest, label, np.asarray(_square(Image.fromarray(pixels), resolution, crop))

    return len(file["images"]), items()


def _galaxy10_class(answer: int) -> str:
    return GALAXY10_CLASSES[answer] if 0 <= answer < len(GALAXY10_CLASSES) else str(answer)


def _write_cache(folder: Path, data: Dataset) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", data.images)
    index = {"labels": data.labels, "digests": data.digests, "source": data.source, "skipped": data.skipped}
    partial = folder / "index.json.partial"
    partial.write_text(json.dumps(index))
    partial.rename(folder / "index.json")


def _read_cache(folder: Path) -> Dataset:
    index = json.loads((folder / "index.json").read_text())
    digests = tuple(index["digests"])
    held_out = np.array([is_held_out(d) for d in digests], dtype=bool)
    images = np.load(folder / "images.npy", mmap_mode="r")
    return Dataset(images, held_out, tuple(index["labels"]), digests, index["source"], index["skipped"])
