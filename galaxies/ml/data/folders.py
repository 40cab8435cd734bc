"""A folder of images: what lies in it, and the pictures one after the other.

source = Folder(Path("galaxies"), ReadingOptions())
for name, picture in source.pictures(resolution=128, crop=256): ...
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from galaxies.ml.data.fits import band_of, is_fits, read_bands, read_cube, shown_bands
from galaxies.ml.data.labels import labels_of
from galaxies.ml.data.options import ReadingOptions
from galaxies.ml.data.pictures import SUFFIXES, read_picture
from galaxies.ml.data.records import DatasetError, Picture, Reading, shown

HDF5_SUFFIXES = frozenset({".h5", ".hdf5", ".hdf"})
NOTES = frozenset({".csv", ".json", ".log", ".md", ".parquet", ".pdf", ".rst", ".tsv", ".txt", ".xml", ".yaml", ".yml"})
SYSTEM = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
WHAT_IS_READ = "JPEG, PNG, WebP, TIFF or FITS"


@dataclass(frozen=True)
class Entry:
    """One image. name: as reports write it; files: below the folder, one, or three of a band each."""

    name: str
    files: tuple[str, ...]


class Folder:
    """The images below a folder, and in the folders in it."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.path = path
        self.name = shown(path.resolve().name)
        self.options = options
        self.entries, self.unread = list_folder(path)
        if not self.entries:
            told = f" {len(self.unread)} other files lie there." if self.unread else ""
            raise DatasetError(
                f"{shown(path)} holds no JPEG, PNG or WebP file, no TIFF and no FITS of three bands: give --images the "
                f"folder that holds the images.{told}"
            )
        self.total = len(self.entries)
        found = labels_of([entry.name for entry in self.entries], path, options)
        self.labels, self.notes = found.classes, found.notes

    def stamp(self) -> Any:
        """Return path, size and dates of every file: a new one is another data set."""
        files = []
        for entry in self.entries:
            for file in entry.files:
                status = os.stat(self.path / file)
                files.append([file, status.st_size, status.st_mtime_ns, status.st_ctime_ns])
        return files

    def check(self, resolution: int) -> None:
        """Accept any resolution: images that are too small are skipped one by one."""

    def pictures(self, resolution: int, crop: int) -> Iterator[Reading]:
        """Read every image of the folder."""
        for entry in self.entries:
            try:
                yield entry.name, self._read(entry, resolution, crop)
            except DatasetError as error:
                yield entry.name, str(error)
            except OSError as error:
                yield entry.name, f"cannot be read ({error.strerror or error})"

    def _read(self, entry: Entry, resolution: int, crop: int) -> Picture:
        raws = [(self.path / file).read_bytes() for file in entry.files]
        if len(raws) == 3:
            return read_bands(raws, self.options, resolution, crop)
        if not is_fits(entry.files[0]):
            return read_picture(raws[0], resolution, crop)
        try:
            return read_cube(raws[0], self.options, resolution, crop)
        except DatasetError as error:
            band = band_of(entry.files[0])
            if band and "three bands are needed" in str(error):
                raise DatasetError(f"band {band[1]} alone: g, r and i, or other three, are needed beside it") from error
            raise


def list_folder(path: Path) -> tuple[list[Entry], dict[str, str]]:
    """Return the images below a folder, by path, and why other files are not read. What is hidden is left out."""
    files: list[str] = []
    unread: dict[str, str] = {}

    def note(error: OSError) -> None:
        unread[_below(path, error.filename) + "/"] = f"a folder that cannot be read ({error.strerror})"

    for folder, folders, names in os.walk(path, onerror=note):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                link = _below(path, os.path.join(folder, name))
                unread[f"{link}/"] = "a link to a folder: copy that folder here, or give it to --images itself"
        for name in names:
            if not _is_hidden(name):
                file = os.path.join(folder, name)
                if why := _why_not(file):
                    unread[_below(path, file)] = why
                elif PurePosixPath(name).suffix.lower() in SUFFIXES or is_fits(name):
                    files.append(os.path.relpath(file, path))
    files.sort(key=lambda file: PurePosixPath(file).parts)
    entries, alone = _grouped(files)
    return entries, unread | alone


def _why_not(file: str) -> str:
    """Why a file is not read; "" if it is, or if nobody expects that it is."""
    suffix = PurePosixPath(file).suffix.lower()
    if not os.path.isfile(file):
        return "a link that leads nowhere" if os.path.islink(file) else "no file"
    if suffix in HDF5_SUFFIXES:
        return "an HDF5 file: give it to --images itself"
    known = suffix in SUFFIXES or suffix in NOTES or is_fits(file) or file.lower().endswith(".csv.gz")
    return "" if known else f"not {WHAT_IS_READ}"


def _grouped(files: list[str]) -> tuple[list[Entry], dict[str, str]]:
    """Put the files of an object's bands together; objects of too few bands are returned with the reason."""
    bands: dict[str, dict[str, str]] = {}
    for file in files:
        if is_fits(file) and (found := band_of(file)):
            bands.setdefault(found[0], {})[found[1]] = file
    groups = {name: found for name, found in bands.items() if len(found) > 1}
    grouped = {file for found in groups.values() for file in found.values()}
    entries = [Entry(shown(file), (file,)) for file in files if file not in grouped]
    unread = {}
    for name, group in groups.items():
        chosen = shown_bands("".join(group))
        if chosen:
            entries.append(Entry(f"{shown(name)}.fits", tuple(group[band] for band in chosen)))
        else:
            unread[f"{shown(name)}.fits"] = (
                f"bands {', '.join(sorted(group))} alone: g, r and i, or other three, are needed"
            )
    return sorted(entries, key=lambda entry: PurePosixPath(entry.files[0]).parts), unread


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in SYSTEM


def _below(folder: Path, file: str) -> str:
    return shown(os.path.relpath(file, folder))
