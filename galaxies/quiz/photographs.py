"""The real galaxies of the quiz: some of NEBULAI_QUIZ_IMAGES, read as the model's own were and kept as bare pixels.

    where = source()                                # None: there is no quiz
    pool = photographs(version)                     # (n, R, R, 3) uint8; None while they are being read

Held-out ones come first. They are read once, in a thread, and lie in the data folder without their names.
"""

import hashlib
import json
import logging
import threading
from pathlib import Path

import numpy as np
from django.conf import settings

from galaxies.ml.arrays import Images
from galaxies.ml.bundle import BundleError, read_manifest
from galaxies.ml.data import DatasetError, options_of
from galaxies.ml.data.dataset import CROP, open_source
from galaxies.ml.data.records import Picture
from galaxies.ml.data.split import BY_FILES, is_held_out
from galaxies.models import ModelVersion

logger = logging.getLogger(__name__)

POOL = 240  # pictures that are kept: 47 MB at 256 px
LEAST = 20  # for a quiz that does not repeat itself at once
_reading = threading.Lock()


class NoPhotographs(Exception):
    """There is no quiz; the message says why in one sentence, for people who run the site."""


def source() -> Path | None:
    """Return the folder or HDF5 file that NEBULAI_QUIZ_IMAGES names, None if it is unset or not there."""
    named = settings.QUIZ_IMAGES
    return named if named and named.exists() else None


def photographs(version: ModelVersion) -> Images | None:
    """Return the pool for a version, memory-mapped; None while a thread reads it.

    Raises: NoPhotographs if there is nothing to read, or too little.
    """
    where = source()
    if where is None:
        raise NoPhotographs("NEBULAI_QUIZ_IMAGES names no folder or file that is there.")
    file = _file(where, version)
    if file.exists():
        pool: Images = np.load(file, mmap_mode="r", allow_pickle=False)
        if len(pool) < LEAST:
            raise NoPhotographs(f"NEBULAI_QUIZ_IMAGES holds {len(pool)} usable images; the quiz needs {LEAST}.")
        return pool
    if _reading.acquire(blocking=False):
        threading.Thread(target=_read_and_release, args=(where, version, file), name="quiz", daemon=True).start()
    return None


def _file(where: Path, version: ModelVersion) -> Path:
    """Return the file of a version's pool: another source, another crop or changed images have another."""
    reading = read_manifest(version.path).get("data", {})
    key = [str(where), where.stat().st_mtime_ns, version.resolution, reading]
    name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:24]
    return Path(settings.DATA_DIR) / "quiz" / f"{name}.npy"


def _read_and_release(where: Path, version: ModelVersion, file: Path) -> None:
    try:
        pool = read(where, version)
    except (DatasetError, BundleError, OSError) as error:
        logger.error("NEBULAI_QUIZ_IMAGES cannot be read: %s", error)
        pool = np.empty((0, version.resolution, version.resolution, 3), np.uint8)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(f".{threading.get_ident()}.draft")
        with draft.open("wb") as stream:
            np.save(stream, pool)
        draft.replace(file)
    except OSError:
        logger.exception("The photographs of the quiz cannot be kept in %s.", file.parent)
    finally:
        _reading.release()


def read(where: Path, version: ModelVersion) -> Images:
    """Return up to POOL images, held-out ones first, each of which was as likely to be taken as any other.

    Raises: DatasetError.
    """
    data = read_manifest(version.path).get("data", {})
    options = options_of(data)
    random = np.random.default_rng()
    sides: dict[bool, list[Images]] = {True: [], False: []}
    seen = {True: 0, False: 0}
    for _name, picture in open_source(where, options).pictures(version.resolution, int(data.get("crop", CROP))):
        if not isinstance(picture, Picture):
            continue
        held_out = is_held_out(picture.file_digest if options.split == BY_FILES else picture.digest)
        seen[held_out] += 1
        if len(sides[held_out]) < POOL:
            sides[held_out].append(picture.pixels)
        elif (place := int(random.integers(seen[held_out]))) < POOL:  # Vitter 1985, algorithm R
            sides[held_out][place] = picture.pixels
    chosen = [*sides[True], *sides[False]][:POOL]
    empty = np.empty((0, version.resolution, version.resolution, 3), np.uint8)
    return np.stack(chosen) if chosen else empty
