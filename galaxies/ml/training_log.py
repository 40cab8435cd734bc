"""The log of a training, as a run keeps it in log.csv and a bundle in training.csv.

for line in read_log(folder / "log.csv"): ...       # what can be read of it, whatever became of the rest
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """A line: how many images the phase had seen, and its losses by name."""

    phase: str
    images: int
    losses: Mapping[str, float]


def read_log(path: Path) -> Iterator[Line]:
    """Yield the lines that can be read, none without a file: a full disk may have cut one off."""
    if not path.exists():
        return
    with path.open(newline="", errors="replace") as file:
        try:
            for row in csv.DictReader(file):
                if line := _line(row):
                    yield line
        except csv.Error:  # an open quotation: no lines can be told after it
            return


def _line(row: Mapping[str, str]) -> Line | None:
    try:
        numbers = json.loads(row["losses"])
        losses = {str(name): float(value) for name, value in numbers.items() if isfinite(float(value))}
        return Line(row["phase"], int(row["images"]), losses)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
