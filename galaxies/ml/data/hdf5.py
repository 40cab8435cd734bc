"""An HDF5 file of images, block by block: Galaxy10's, and those of others whose data sets and axes are named.

source = Hdf5(Path("Galaxy10_DECals.h5"), ReadingOptions())
for name, picture in source.pictures(resolution=128, crop=256): ...

A block holds whole chunks of the file, so that every chunk is unpacked once, within bounded memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from galaxies.ml.data.galaxy10 import class_name
from galaxies.ml.data.options import AXES, ReadingOptions
from galaxies.ml.data.pictures import IS_GREY, as_picture
from galaxies.ml.data.records import DatasetError, Reading, listed, shown

IMAGES, ANSWERS = "images", "ans"
BLOCK_BYTES, LARGEST_BLOCK = 2**26, 2**28
NOT_A_NUMBER = "holds values that are no numbers"

Array = npt.NDArray[Any]


class Hdf5:
    """The images of one file. Nothing but shapes, labels and some images is read before `pictures` is."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.path = path
        self.name = self._title = shown(path.name)
        self.unread: dict[str, str] = {}
        self.notes: tuple[str, ...] = ()
        if options.labels:
            raise DatasetError(f"{self._title} is an HDF5 file: name its labels with --hdf5-labels, not with --labels.")
        self._key = options.hdf5_images or IMAGES
        with self._open() as file:
            images = self._images(file)
            answers = self._answers(file, options)
            self.axes = _axes(self._title, self._key, images.shape, named=options.hdf5_axes, answers=answers)
            self.total, self.height, self.width = (images.shape[self.axes.index(axis)] for axis in "NHW")
            self.labels = self._named(answers)
            self.levels = self._levels(images)

    def stamp(self) -> Any:
        """Return size and dates of the file."""
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]

    def check(self, resolution: int) -> None:
        """Raise DatasetError if the images are smaller than `resolution`."""
        if min(self.width, self.height) < resolution:
            raise DatasetError(
                f"{self._title} holds images of {self.width} x {self.height} px, smaller than {resolution} px: choose "
                "another preset, or a smaller --resolution."
            )

    def pictures(self, resolution: int, crop: int) -> Iterator[Reading]:
        """Read every image of the file."""
        with self._open() as file:
            images = self._images(file)
            for start, block in self._blocks(images):
                finite = _finite(block)
                for number, image in enumerate(self._display(block[finite], start)):
                    name = f"{self._key}[{start + np.flatnonzero(finite)[number]}]"
                    try:
                        yield name, as_picture(image, resolution, crop)
                    except DatasetError as error:
                        yield name, str(error)
                for number in np.flatnonzero(~finite).tolist():
                    yield f"{self._key}[{start + number}]", NOT_A_NUMBER

    @contextmanager
    def _open(self) -> Iterator[Any]:
        import h5py

        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            raise DatasetError(f"{shown(self.path)} is not a readable HDF5 file: fetch or copy it again.") from error
        with file:
            try:
                yield file
            except DatasetError:
                raise
            except Exception as error:  # h5py raises whatever a damaged header leads to
                raise self._damaged(self._key) from error

    def _images(self, file: Any) -> Any:
        """The data set of the images. Raises: DatasetError naming what there is instead."""
        found = _datasets(file)
        images = found.get(self._key)
        if images is None:
            has = (
                ", ".join(f"{key} {each.shape} {each.dtype}" for key, each in list(found.items())[:10]) or "no data set"
            )
            raise DatasetError(
                f"{self._title} holds no uint8 data set {self._key} of shape (N, H, W, 3), but {has}: name the one "
                "with the images by --hdf5-images."
            )
        if images.ndim == 3:
            raise DatasetError(f"{self._title}: {self._key} of shape {images.shape} is {IS_GREY}.")
        if images.ndim != 4 or images.dtype.kind not in "iuf" or not all(images.shape):
            raise DatasetError(
                f"{self._title}: {self._key} is {images.dtype} of shape {images.shape}, and must be whole numbers "
                "from 0 to 255, or floats, of shape (N, H, W, 3)."
            )
        return images

    def _answers(self, file: Any, options: ReadingOptions) -> Array | None:
        key = options.hdf5_labels or ANSWERS
        found = _datasets(file)
        if key not in found:
            if options.hdf5_labels:
                raise DatasetError(f"{self._title} holds no data set {key}, but {listed(found)}: see --hdf5-labels.")
            return None
        try:
            answers: Array = found[key][()]
            names = np.asarray(found[key].attrs.get("classes", ()))  # as the sets of this project name theirs
        except OSError as error:
            raise self._damaged(key) from error
        if answers.ndim == 2 and answers.shape[1] == 1:
            answers = answers[:, 0]
        if answers.ndim not in (1, 2) or (answers.ndim == 2 and answers.dtype.kind not in "iufb"):
            raise DatasetError(
                f"{self._title}: {key} is {answers.dtype} of shape {answers.shape}, and must have a class for each "
                "image, (N,), or a column for each class, (N, K)."
            )
        if answers.ndim == 1 and answers.dtype.kind == "u" and answers.size and answers.max() < names.size:
            return names[answers]
        return answers

    def _named(self, answers: Array | None) -> dict[str, str]:
        """Class names by the name of the image."""
        if answers is None:
            return {}
        if len(answers) != self.total:
            raise DatasetError(f"{self._title} holds {self.total} images and {len(answers)} labels.")
        if answers.ndim == 2:
            known = np.nan_to_num(answers).max(axis=1) > 0
            answers = np.where(known, np.nan_to_num(answers).argmax(axis=1), -1)
        side = self.width if self.width == self.height else 0
        return {f"{self._key}[{i}]": name for i, each in enumerate(answers) if (name := _class_of(each, side))}

    def _levels(self, images: Any) -> float:
        """What the values are divided by to lie between 0 and 255; 0 leaves bytes alone."""
        if images.dtype == np.uint8:
            return 0.0
        length = self._block_length(images)
        low, high = np.inf, -np.inf
        for start in {0, self.total // 2 // length * length, (self.total - 1) // length * length}:
            values = self._read(images, start, min(start + length, self.total))
            finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
            if finite.size:
                low, high = min(low, float(finite.min())), max(high, float(finite.max()))
        if images.dtype.kind == "f" and low >= 0 and high <= 1:
            return 1 / 255
        if images.dtype == np.uint16 and high > 255:
            return 257.0
        if low >= 0 and high <= 255:
            return 1.0
        raise self._odd_values(low, high)

    def _display(self, block: Array, start: int) -> Array:
        if not self.levels or not len(block):
            return block
        values = block / self.levels
        low, high = values.min(), values.max()
        if low < 0 or high > 255.001:
            raise self._odd_values(
                low * self.levels, high * self.levels, f" in images {start} to {start + len(block) - 1}"
            )
        return np.asarray(values + 0.5, np.uint8)

    def _odd_values(self, low: float, high: float, where: str = "") -> DatasetError:
        return DatasetError(
            f"{self._title}: the values of {self._key} go from {low:g} to {high:g}{where}; they must lie between 0 and "
            "255, or between 0 and 1 in all images."
        )

    def _blocks(self, images: Any) -> Iterator[tuple[int, Array]]:
        """Blocks (n, H, W, 3) with the number of their first image."""
        length = self._block_length(images)
        for start in range(0, self.total, length):
            yield start, self._read(images, start, min(start + length, self.total))

    def _block_length(self, images: Any) -> int:
        chunk = images.chunks[self.axes.index("N")] if images.chunks else 1
        size = max(1, images.dtype.itemsize * int(np.prod(images.shape, dtype=np.int64)) // self.total)
        most = max(1, LARGEST_BLOCK // size)
        return int(min(max(chunk, BLOCK_BYTES // size // chunk * chunk), most))

    def _read(self, images: Any, start: int, end: int) -> Array:
        where = tuple(slice(start, end) if axis == "N" else slice(None) for axis in self.axes)
        try:
            block = images[where]
        except OSError as error:
            raise self._damaged(f"{self._key}[{start}:{end}]") from error
        return np.ascontiguousarray(np.transpose(block, [self.axes.index(axis) for axis in "NHWC"]))

    def _damaged(self, what: str) -> DatasetError:
        return DatasetError(f"{self._title} is damaged: {what} cannot be read; fetch or copy it again.")


def _finite(block: Array) -> npt.NDArray[np.bool_]:
    """Return (n,) bool for images (n, H, W, 3): whether all values are numbers."""
    if block.dtype.kind != "f":
        return np.ones(len(block), bool)
    return np.array([bool(np.isfinite(image).all()) for image in block])


def _datasets(file: Any) -> dict[str, Any]:
    """Return every data set of a file by its path."""
    import h5py

    found = {}

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    file.visititems(note)
    return found


def _axes(title: str, key: str, shape: tuple[int, ...], *, named: str, answers: Array | None) -> str:
    """Tell by shape which axis is which. Raises: DatasetError if no order fits, or several do and none is named."""
    fitting = [axes for axes in AXES if shape[axes.index("C")] == 3]
    if named:
        fitting = [axes for axes in fitting if axes == named]
    if len(fitting) > 1 and answers is not None:
        fitting = [axes for axes in fitting if shape[axes.index("N")] == len(answers)] or fitting
    if not fitting:
        raise DatasetError(f"{title}: {key} has shape {shape}, and must have 3 colours, as in (N, H, W, 3).")
    if len(fitting) > 1:
        raise DatasetError(
            f"{title}: {key} of shape {shape} can be read as {' or '.join(fitting)} (N images, C colours): say which "
            "by --hdf5-axes."
        )
    return fitting[0]


def _class_of(answer: Any, side: int) -> str:
    if isinstance(answer, bytes):
        return answer.decode("utf-8", "replace").strip()
    if isinstance(answer, str):
        return answer.strip()
    if not np.isfinite(answer) or answer < 0:
        return ""
    return class_name(int(answer), side) if float(answer).is_integer() else f"{float(answer):g}"
