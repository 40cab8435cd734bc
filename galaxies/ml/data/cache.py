"""Images that were read once, on disk: written one after the other, read without loading them.

with writing(folder, resolution, most) as (images, index):
    images.append(pixels)
    index["digests"] = digests
found = read(folder)                # (images, index), or None
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from galaxies.ml.arrays import Images
from galaxies.ml.data.records import DatasetError

FORMAT = 3
ARRAY, INDEX, PARTIAL = "images.npy", "index.json", ".partial"


def place(cache: Path, source: Path, choices: Any, stamp: Any) -> Path:
    """Return the folder for images of `source`, read with these choices while its files had this stamp (JSON)."""
    here = _checksum([FORMAT, str(source.resolve()), choices])
    return cache / f"{here}-{_checksum(stamp)}"


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def read(folder: Path) -> tuple[Images, dict[str, Any]] | None:
    """Return memory-mapped images (N, R, R, 3) uint8 and their index; None if they are not there or not whole."""
    try:
        index: dict[str, Any] = json.loads((folder / INDEX).read_text())
        images = np.load(folder / ARRAY, mmap_mode="r")
        return (images, index) if len(images) == len(index["digests"]) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Writer:
    """Takes images one by one: into a file, or into memory where there is no folder."""

    def __init__(self, file: IO[bytes] | None, resolution: int, most: int) -> None:
        self._file = file
        self._shape = (resolution, resolution, 3)
        self._count = 0
        # Memory that is not written to is not taken.
        self._array = None if file else np.empty((most, *self._shape), np.uint8)
        if file:
            self._write_header(most)

    def append(self, pixels: Images) -> None:
        """Keep one image (R, R, 3) uint8."""
        if self._file:
            self._file.write(np.ascontiguousarray(pixels).data)
        elif self._array is not None:
            self._array[self._count] = pixels
        self._count += 1

    def in_memory(self) -> Images:
        """Return the images (N, R, R, 3) that were kept in memory."""
        return np.empty((0, *self._shape), np.uint8) if self._array is None else self._array[: self._count]

    def close(self) -> None:
        """Write how many there are."""
        if self._file:
            self._file.seek(0)
            self._write_header(self._count)
            self._file.flush()
            os.fsync(self._file.fileno())

    def _write_header(self, count: int) -> None:
        # numpy leaves room for another number in the first axis, so that a file may grow.
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, header)  # type: ignore[arg-type]


@contextmanager
def writing(folder: Path, resolution: int, most: int) -> Iterator[tuple[Writer, dict[str, Any]]]:
    """Write images and the index that the caller fills, whole or not at all; what an earlier stamp had left goes.

    Raises: DatasetError if they cannot be written.
    """
    partial: Path | None = None
    try:
        with _told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(PARTIAL, dir=folder))
            file = (partial / ARRAY).open("wb")
        with file:
            writer, index = Writer(file, resolution, most), dict[str, Any]()
            yield writer, index
            with _told(folder):
                writer.close()
        with _told(folder):
            (partial / INDEX).write_text(json.dumps(index))
            for name in (ARRAY, INDEX):
                (partial / name).replace(folder / name)
            _remove_outlived(folder)
    finally:
        if partial:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error) from error


def unwritable(folder: Path, error: OSError) -> DatasetError:
    """Return the sentence for an image cache that cannot be written."""
    what = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
    return DatasetError(
        f"The image cache in {folder.parent} cannot be written ({what}): make room there and run again."
    )


def _remove_outlived(folder: Path) -> None:
    """Remove what the same source gave before its files changed; who still reads it keeps it open."""
    for other in folder.parent.glob(f"{folder.name.split('-')[0]}-*"):
        if other != folder and not any(other.glob(f"*{PARTIAL}")):
            with suppress(OSError):
                shutil.rmtree(other)
