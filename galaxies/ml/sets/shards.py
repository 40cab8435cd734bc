"""Shards: the files that hold a set's galaxies, each written beside its place and renamed when it is whole.

with open_shard(plan, folder, 0) as shard:
    for row, content in galaxies: shard.add(row, content)
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from galaxies.ml.sets.plan import SetPlan

ENDINGS = {"hdf5": ".h5", "webdataset": ".tar", "parquet": ".parquet"}
PARQUET_GROUP = 500  # rows that are held until they are written

Row = Mapping[str, Any]


class Shard(Protocol):
    """A shard that is being written."""

    def add(self, row: Row, content: bytes) -> None:
        """Append a galaxy: its line of the catalogue and its bytes."""

    def close(self) -> None:
        """Write what is held back."""


def shard_name(plan: SetPlan, number: int) -> str:
    """Return the name of a shard's file, or of its folder of images."""
    return f"shard-{number:05d}{ENDINGS.get(plan.format, '')}"


def file_of(plan: SetPlan, number: int, galaxy: str) -> str:
    """Return what a catalogue calls the file of a galaxy."""
    name = shard_name(plan, number)
    return name if plan.format in ENDINGS else f"{name}/{galaxy}.{plan.format}"


@contextmanager
def open_shard(plan: SetPlan, folder: Path, number: int) -> Iterator[Shard]:
    """Yield a shard to write to; it takes its place when the block ends well, and leaves nothing otherwise."""
    place = folder / shard_name(plan, number)
    partial = folder / f".{place.name}.partial"
    remove(partial)
    try:
        shard = _WRITERS.get(plan.format, _Folder)(partial, plan, number)
        try:
            yield shard
        finally:
            shard.close()
        remove(place)  # of a run that was killed before its catalogue had this shard
        partial.rename(place)
    except BaseException:
        remove(partial)
        raise


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _Folder:
    def __init__(self, path: Path, plan: SetPlan, number: int) -> None:
        self.path, self.ending = path, plan.format
        path.mkdir()

    def add(self, row: Row, content: bytes) -> None:
        (self.path / f"{row['id']}.{self.ending}").write_bytes(content)

    def close(self) -> None:
        pass


class _Hdf5:
    """Galaxy10's format: `images` (N, S, S, 3) and `ans` (N,), whose attribute `classes` names the families."""

    def __init__(self, path: Path, plan: SetPlan, number: int) -> None:
        import h5py

        n, side = plan.length(number), plan.size
        self.file = h5py.File(path, "w")  # the oldest format: newer ones keep the time
        self.images = self.file.create_dataset(
            "images", (n, side, side, 3), "uint8", chunks=(1, side, side, 3), compression="gzip", compression_opts=1
        )
        self.answers = self.file.create_dataset("ans", (n,), "uint8")
        self.seeds = self.file.create_dataset("seed", (n,), "int64")
        self.families: dict[int, str] = {}
        self.columns: list[tuple[int, int]] = []

    def add(self, row: Row, content: bytes) -> None:
        self.images.id.write_direct_chunk((len(self.columns), 0, 0, 0), content)
        self.columns.append((row["cluster"], row["seed"]))
        self.families[row["cluster"]] = row["family"]

    def close(self) -> None:
        try:
            if self.columns:
                clusters, seeds = zip(*self.columns, strict=True)
                self.answers[: len(clusters)], self.seeds[: len(seeds)] = clusters, seeds
                names = [self.families.get(i, "") for i in range(max(self.families) + 1)]
                self.answers.attrs["classes"] = names
        finally:
            self.file.close()


class _WebDataset:
    """A tar with <id>.webp, <id>.cls (the family's id) and <id>.json (the line of the catalogue)."""

    def __init__(self, path: Path, plan: SetPlan, number: int) -> None:
        self.tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115  (close() does)

    def add(self, row: Row, content: bytes) -> None:
        parts = {"webp": content, "cls": str(row["cluster"]).encode(), "json": json.dumps(row).encode()}
        for ending, part in parts.items():
            entry = tarfile.TarInfo(f"{row['id']}.{ending}")  # no date and no owner: the same bytes each time
            entry.size = len(part)
            self.tar.addfile(entry, io.BytesIO(part))

    def close(self) -> None:
        self.tar.close()


class _Parquet:
    """A table with a column `image` as Hugging Face's `datasets` has it, and the columns of the catalogue."""

    def __init__(self, path: Path, plan: SetPlan, number: int) -> None:
        import pyarrow
        import pyarrow.parquet

        self.arrow, self.parquet = pyarrow, pyarrow.parquet
        self.path = path
        self.writer: Any = None
        self.rows: list[dict[str, Any]] = []

    def add(self, row: Row, content: bytes) -> None:
        self.rows.append({"image": {"bytes": content, "path": f"{row['id']}.webp"}, **row})
        if len(self.rows) == PARQUET_GROUP:
            self._write()

    def _write(self) -> None:
        if not self.rows:
            return
        types = {name: _arrow_type(self.arrow, value) for name, value in self.rows[0].items()}
        schema = self.arrow.schema(list(types.items()))
        if self.writer is None:
            self.writer = self.parquet.ParquetWriter(self.path, schema, compression="zstd")
        self.writer.write_table(self.arrow.Table.from_pylist(self.rows, schema))
        self.rows = []

    def close(self) -> None:
        self._write()
        if self.writer is not None:
            self.writer.close()


def _arrow_type(arrow: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    # A value that could not be measured is None, and all measured ones are floats
    return arrow.int64() if isinstance(value, int) else arrow.string() if isinstance(value, str) else arrow.float64()


_WRITERS: dict[str, Callable[[Path, SetPlan, int], Shard]] = {
    "hdf5": _Hdf5,
    "webdataset": _WebDataset,
    "parquet": _Parquet,
}
