"""What reading images gives: one picture, a whole data set, or the sentence that says why not."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Images

NAMED = 10  # skipped files that a report names for each reason
DUPLICATE = "an exact duplicate"

Count = Callable[[int, int], None]  # (done, total)


class DatasetError(Exception):
    """The images cannot be used; the message says why in one sentence."""


@dataclass(frozen=True)
class Picture:
    """One image as it was read.

    pixels: (R, R, 3) uint8, cut and shrunk; size: width and height of the source in px; digest: sha256 of the source's
    pixels; file_digest: sha256 of its file, where it has one of its own.
    """

    pixels: Images
    size: tuple[int, int]
    digest: str
    file_digest: str


Reading = tuple[str, Picture | str]  # a name with its picture, or with the reason why it is skipped


class Source(Protocol):
    """A folder or a file of images. labels: class names by the name of the image; notes: what to tell about them."""

    name: str
    total: int
    unread: dict[str, str]
    labels: dict[str, str]
    notes: tuple[str, ...]

    def stamp(self) -> Any:
        """Return what changes, as JSON, whenever the images do."""

    def check(self, resolution: int) -> None:
        """Raise DatasetError if no image can be read at this resolution."""

    def pictures(self, resolution: int, crop: int) -> Iterator[Reading]:
        """Read every image, one after the other."""


@dataclass(frozen=True)
class Dataset:
    """images: (N, R, R, 3) uint8, maybe memory-mapped; held_out: (N,) bool; labels: N class names, "" for none.

    digests: N checksums that the split goes by; sizes: width and height in px of the N sources; skipped: reasons by
    name; notes: sentences about labels; reading: crop and options that the pixels and the split depend on.
    """

    images: Images
    held_out: npt.NDArray[np.bool_]
    labels: tuple[str, ...]
    digests: tuple[str, ...]
    source: str
    skipped: dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> npt.NDArray[np.int64]:
        """Indices of the images that training may see."""
        return np.flatnonzero(~self.held_out)

    @property
    def resolution(self) -> int:
        return int(self.images.shape[1])

    @property
    def fingerprint(self) -> str:
        """One checksum for the set of images, whatever their order and size on the page."""
        return hashlib.sha256("".join(sorted(self.digests)).encode()).hexdigest()

    @property
    def duplicates(self) -> int:
        """How many images were skipped because the same pixels were there already."""
        return sum(reason == DUPLICATE for reason in self.skipped.values())

    def report(self) -> str:
        """Say what was read and what was not, the first ten skipped files of each reason by name."""
        lines = [
            f"{len(self.images)} images from {self.source}: {len(self.train)} train, {self.held_out.sum()} held out"
        ]
        classes = Counter(label for label in self.labels if label)
        if classes:
            counts = ", ".join(f"{name} {count}" for name, count in classes.most_common(NAMED))
            lines.append(f"{classes.total()} labelled: {counts}{', ...' if len(classes) > NAMED else ''}")
        lines += self.notes
        if self.skipped:
            lines.append(f"{len(self.skipped)} skipped:")
            lines += skipped_lines(self.skipped)
        return "\n".join(lines)


def skipped_lines(skipped: Mapping[str, str]) -> list[str]:
    """Return a line for each of the first ten files of each reason, and one that counts the others."""
    lines = []
    for reason, names in by_reason(skipped):
        lines += [f"  {name}: {reason}" for name in names[:NAMED]]
        if len(names) > NAMED:
            lines.append(f"  and {len(names) - NAMED:,} more: {reason}")
    return lines


def by_reason(skipped: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Return every reason with the names of its files, the commonest first."""
    reasons: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        reasons.setdefault(reason, []).append(name)
    return sorted(reasons.items(), key=lambda each: -len(each[1]))


def shown(name: str | os.PathLike[str]) -> str:
    """Return a file's name as text that can be printed and stored: what is not UTF-8 or breaks lines is escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(names: Iterable[str], most: int = NAMED) -> str:
    """Return names with commas, the first ones only."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
