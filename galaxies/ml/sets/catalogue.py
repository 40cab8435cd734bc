"""The catalogue of a set: a part beside each finished shard, and one `catalogue.csv` (and Parquet) of all in the end.

A shard is finished when its part is there: the part is renamed into its place after the shard. Beside the parts lies
what is painted of the shard that is under way.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from galaxies.ml.measures import FLAGS, UNITS
from galaxies.ml.sets.plan import SetPlan

PARTS, DONE = ".parts", ".parts-done"
RECIPE = ("id", "file", "row", "version", "cluster", "seed", "psi", "steer", "family")
NAME = "catalogue.csv"
PARQUET = "catalogue.parquet"


def columns(plan: SetPlan) -> list[str]:
    """Return the names of a catalogue's columns."""
    return [*RECIPE, *UNITS, *FLAGS] if plan.measures else list(RECIPE)


def part(folder: Path, number: int) -> Path:
    """Return the place of a shard's part of the catalogue."""
    return folder / PARTS / f"{number:05d}.csv"


def spool(folder: Path, number: int) -> Path:
    """Return the place of what is painted of a shard that is not finished."""
    return folder / PARTS / f"{number:05d}.spool"


def write_part(plan: SetPlan, folder: Path, number: int, rows: Sequence[dict[str, Any]]) -> None:
    """Write a shard's part of the catalogue, whole or not at all."""
    place = part(folder, number)
    place.parent.mkdir(exist_ok=True)
    partial = place.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        lines = csv.DictWriter(file, columns(plan), lineterminator="\n")
        lines.writerows(rows)
    partial.replace(place)


def finished(plan: SetPlan, folder: Path) -> tuple[int, int]:
    """Return how many shards are finished, and the number of the first candidate after them."""
    done = 0
    while done in plan.shards and part(folder, done).is_file():
        done += 1
    if not done:
        return 0, 0
    with part(folder, done - 1).open(newline="") as file:
        last = list(csv.DictReader(file, columns(plan)))[-1]
    return done, int(last["seed"]) - plan.seed + 1


def write_catalogue(plan: SetPlan, folder: Path) -> None:
    """Join the parts to `catalogue.csv`, and to a Parquet file where pyarrow is installed."""
    partial = folder / f".{NAME}.partial"
    with partial.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(columns(plan))
        for number in plan.shards:
            with part(folder, number).open(newline="") as source:
                shutil.copyfileobj(source, file)
    partial.replace(folder / NAME)
    _write_parquet(folder)


def _write_parquet(folder: Path) -> None:
    try:
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError:
        return
    partial = folder / f".{PARQUET}.partial"
    types = {"id": pyarrow.string(), "file": pyarrow.string(), "steer": pyarrow.string(), "family": pyarrow.string()}
    types |= dict.fromkeys(UNITS, pyarrow.float64()) | dict.fromkeys(FLAGS, pyarrow.int64())
    options = pyarrow.csv.ConvertOptions(column_types=types)
    with (
        pyarrow.csv.open_csv(folder / NAME, convert_options=options) as reader,
        pyarrow.parquet.ParquetWriter(partial, reader.schema, compression="zstd") as writer,
    ):
        for batch in reader:
            writer.write_batch(batch)
    partial.replace(folder / PARQUET)


def read_catalogue(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the lines of a finished set's catalogue."""
    with (folder / NAME).open(newline="") as file:
        yield from csv.DictReader(file)


def close_parts(folder: Path) -> None:
    """Drop the parts of a finished set: the catalogue has them."""
    if (folder / PARTS).is_dir():
        (folder / PARTS).rename(folder / DONE)  # first, so that a set that is killed here stays finished
    shutil.rmtree(folder / DONE, ignore_errors=True)


def is_whole(folder: Path) -> bool:
    """Tell whether a folder holds a finished set."""
    return (folder / NAME).is_file() and not (folder / PARTS).exists()
