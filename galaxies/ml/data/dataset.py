"""Images in, arrays out: folders and HDF5 files become one uint8 array with a fixed train and held-out split.

data = load_dataset(Path("galaxies"), resolution=128, cache=Path("var/datasets"))
data.images[data.train]         # (n, 128, 128, 3) uint8
print(data.report())
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from galaxies.ml.arrays import Images
from galaxies.ml.data import cache as image_cache
from galaxies.ml.data.folders import HDF5_SUFFIXES, Folder
from galaxies.ml.data.hdf5 import Hdf5
from galaxies.ml.data.options import ReadingOptions
from galaxies.ml.data.records import DUPLICATE, Count, Dataset, DatasetError, Source, shown
from galaxies.ml.data.split import BY_FILES, held_out_mask

CROP = 256
MINIMUM = 500
RESIZE_FILTER = "area"
DEFAULT = ReadingOptions()

__all__ = ["CROP", "MINIMUM", "RESIZE_FILTER", "Dataset", "DatasetError", "load_dataset", "open_source"]


def load_dataset(
    source: Path,
    resolution: int,
    cache: Path | None = None,
    crop: int = CROP,
    *,
    minimum: int = MINIMUM,
    options: ReadingOptions = DEFAULT,
    progress: Count | None = None,
) -> Dataset:
    """Read a folder of images or an HDF5 file; the second time from the cache, unless a file has changed.

    crop: side of the central square in px that is used of every image.
    Raises: DatasetError if there is nothing to read or fewer than `minimum` images are usable.
    """
    if crop < 1 or resolution < 1:
        raise DatasetError(f"A crop of {crop} px to {resolution} px leaves no image.")
    try:
        data = _load(Path(source), resolution, cache, crop, options=options, progress=progress)
    except OSError as error:
        raise DatasetError(f"{shown(source)} cannot be read ({error.strerror or error}): mend that first.") from error
    if len(data.images) < minimum:
        raise DatasetError(
            f"Only {len(data.images)} usable images in {shown(source)}, {len(data.skipped)} skipped: "
            f"at least {minimum} are needed.\n{data.report()}"
        )
    return data


def open_source(source: Path, options: ReadingOptions = DEFAULT) -> Source:
    """Return what lies at a path, its labels read and its images not.

    Raises: DatasetError, in one sentence.
    """
    options.check()
    if not source.exists():
        raise DatasetError(
            f"There is no folder or file {shown(source)}: give --images a folder of images or an HDF5 file."
        )
    if source.is_dir():
        return Folder(source, options)
    if source.suffix.lower() in HDF5_SUFFIXES:
        return Hdf5(source, options)
    raise DatasetError(f"{shown(source)} is neither a folder nor an HDF5 file (.h5, .hdf5).")


def _load(
    path: Path, resolution: int, cache: Path | None, crop: int, *, options: ReadingOptions, progress: Count | None
) -> Dataset:
    source = open_source(path, options)
    source.check(resolution)
    if cache is None:
        writer = image_cache.Writer(None, resolution, source.total)
        index = _read(source, writer, resolution, crop, progress=progress)
        return _dataset(source, writer.in_memory(), index, crop=crop, options=options)
    folder = image_cache.place(cache, path, [resolution, crop, options.of_pixels()], source.stamp())
    found = image_cache.read(folder)
    if found is None:
        with image_cache.writing(folder, resolution, source.total) as (writer, index):
            index.update(_read(source, writer, resolution, crop, progress=progress, folder=folder))
        found = image_cache.read(folder)
    if found is None:
        raise DatasetError(f"The image cache in {cache} cannot be read again: make room there and run again.")
    return _dataset(source, *found, crop=crop, options=options)


@dataclass
class _Index:
    """What is remembered of the images that were kept, in their order, and why others were skipped."""

    names: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    file_digests: list[str] = field(default_factory=list)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def _read(
    source: Source,
    writer: image_cache.Writer,
    resolution: int,
    crop: int,
    *,
    progress: Count | None,
    folder: Path | None = None,
) -> dict[str, Any]:
    """Read all pictures of a source into the writer. Returns: their index."""
    index, seen = _Index(), set[str]()
    for done, (name, picture) in enumerate(source.pictures(resolution, crop), 1):
        if isinstance(picture, str):
            index.skipped[name] = picture
        else:
            # Alike as a whole, or in what is used of it: neither may stand on both sides of the split.
            known = {picture.digest, hashlib.sha256(picture.pixels.tobytes()).hexdigest()}
            if known & seen:
                index.skipped[name] = DUPLICATE
            else:
                try:
                    writer.append(picture.pixels)
                except OSError as error:
                    raise image_cache.unwritable(folder or Path(), error) from error
                index.names.append(name)
                index.digests.append(picture.digest)
                index.file_digests.append(picture.file_digest)
                index.sizes.append(picture.size)
            seen |= known
        if progress:
            progress(done, source.total)
    return vars(index)


def _dataset(source: Source, images: Images, index: dict[str, Any], *, crop: int, options: ReadingOptions) -> Dataset:
    digests = tuple(index["file_digests"] if options.split == BY_FILES else index["digests"])
    return Dataset(
        images,
        held_out_mask(digests),
        tuple(source.labels.get(name, "") for name in index["names"]),
        digests,
        source.name,
        {**index["skipped"], **source.unread},
        tuple(index["names"]),
        tuple((width, height) for width, height in index["sizes"]),
        source.notes,
        {"crop": crop, "split": options.split, **options.of_pixels()},
    )
