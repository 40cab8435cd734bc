"""The images that staff may train on: folders right under NEBULAI_DATASETS_DIR, and HDF5 files there.

for source in sources(): ...                    # choices: name and size
path = find("galaxy-zoo")                       # raises DatasetError
"""

import os
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from galaxies.ml.data.fits import is_fits
from galaxies.ml.data.folders import HDF5_SUFFIXES
from galaxies.ml.data.pictures import SUFFIXES
from galaxies.ml.data.records import DatasetError, shown

MOST_COUNTED = 5_000
MOST_SEEN = 20_000  # files of any kind: a page must not walk through a whole disk


@dataclass(frozen=True)
class Source:
    """A folder of images or an HDF5 file. size: how much is in it, as text."""

    name: str
    size: str


def sources() -> list[Source]:
    """Return the choices by name: nothing hidden, no link out of the folder, nothing without an image.

    A name that is not UTF-8 is left out, since no page can show or send it.
    """
    root = settings.DATASETS_DIR
    if not root:
        return []
    try:
        names = sorted(
            path.name for path in root.iterdir() if not path.name.startswith(".") and shown(path) == str(path)
        )
    except OSError:  # a folder that is gone, or not ours to read
        return []
    return [Source(name, size) for name in names if _is_inside(root / name) and (size := _size(root / name))]


def find(name: str) -> Path:
    """Return the path of a choice. Raises: DatasetError, in one sentence, if it cannot be trained on."""
    root = settings.DATASETS_DIR
    if not root:
        raise DatasetError("No folder of data sets is set: name one in NEBULAI_DATASETS_DIR, or use drawn galaxies.")
    if "\0" in name or not _is_inside(root / name):
        raise DatasetError(f"{name!r} leads out of the folder of data sets: choose one of those that are listed.")
    path: Path = root / name
    if not os.path.exists(path):
        raise DatasetError(f"{name} is not there any more: put it back, or choose another one.")
    if not _size(path):
        raise DatasetError(f"{name} holds no JPEG, PNG or WebP image: put some into it, or choose another one.")
    return path


def _is_inside(path: Path) -> bool:
    root = settings.DATASETS_DIR
    try:
        return path.resolve() != root and path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a name that is too long, a link to itself
        return False


def _size(path: Path) -> str:
    """Return "1,234 images" or "2.5 GB"; "" where there is nothing to train on."""
    try:
        if path.is_file():
            return f"{path.stat().st_size / 1e9:.1f} GB" if path.suffix.lower() in HDF5_SUFFIXES else ""
    except OSError:
        return ""
    images = seen = 0
    for _, _, files in os.walk(path):
        for file in files:
            seen += 1
            images += os.path.splitext(file)[1].lower() in SUFFIXES or is_fits(file)
            if images >= MOST_COUNTED or (seen >= MOST_SEEN and images):
                return f"more than {images - images % 100:,} images"
    return f"{images:,} images" if images else ""
