"""Tables of labels as people keep them: CSV with any separator, gzipped or not, and Parquet.

with open_table(Path("gz2.csv.gz")) as table:
    table.columns                       # ("dr7objid", "gz2_class", ...)
    for row in table.rows(["dr7objid", "gz2_class"]): ...
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from galaxies.ml.data.records import DatasetError, listed, shown

SEPARATORS = ",;\t|"
PARQUET = (".parquet", ".pq")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Table(Protocol):
    """columns: their names, as the file writes them."""

    columns: tuple[str, ...]

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Read the cells of these columns, row by row."""


@contextmanager
def open_table(path: Path) -> Iterator[Table]:
    """Open a CSV or Parquet file.

    Raises: DatasetError, also while rows are read, if it is not there, damaged or in another encoding than UTF-8.
    """
    name = shown(path.name)
    try:
        if path.name.lower().endswith(PARQUET):
            yield _Parquet(path)
        else:
            with _text(path) as file:
                yield _Csv(file, name)
    except UnicodeError as error:
        raise DatasetError(
            f"{name} is not in UTF-8 but in another encoding, perhaps Latin-1 (Windows-1252): save it as UTF-8."
        ) from error
    except csv.Error as error:
        raise DatasetError(f"{name} is no readable CSV file ({error}): save it anew.") from error
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or "it is damaged"
        raise DatasetError(f"The labels {name} cannot be read ({why}): give another file.") from error


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        encoding = "utf-16" if start in UTF_16 else "utf-8-sig"
        yield io.TextIOWrapper(raw, encoding=encoding, newline="")


class _Csv:
    """The first line names the columns."""

    def __init__(self, file: IO[str], name: str) -> None:
        start = file.tell()
        head = file.readline()
        self._separator = ""
        if head.lower().startswith("sep="):  # how a spreadsheet is told
            self._separator, start = head[4:5], file.tell()
            head = file.readline()
        file.seek(start)
        if "\0" in head:
            raise DatasetError(f"{name} is no text: save it as CSV in UTF-8.")
        self._reader = csv.reader(file, delimiter=self._separator or _separator_of(head), skipinitialspace=True)
        self.columns = tuple(cell.strip() for cell in next(self._reader, []))

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Read the cells of these columns; rows that are too short to have them are left out."""
        places = [self.columns.index(column) for column in columns]
        for row in self._reader:
            if len(row) > max(places):
                yield tuple(row[place].strip() for place in places)


def _separator_of(head: str) -> str:
    try:
        return csv.Sniffer().sniff(head, delimiters=SEPARATORS).delimiter
    except csv.Error:  # one column
        return ","


class _Parquet:
    """Read batch by batch; needs pyarrow, which the site does not."""

    def __init__(self, path: Path) -> None:
        name = shown(path.name)
        try:
            import pyarrow
            import pyarrow.parquet as parquet
        except ImportError as error:
            raise DatasetError(
                f"{name} is a Parquet file, which pyarrow reads: install pyarrow, or save the table as CSV."
            ) from error
        self._raised = (pyarrow.ArrowException, OSError, ValueError, OverflowError)  # by a damaged file
        self._damaged = f"{name} is no readable Parquet file: fetch or copy it again."
        try:
            self._file = parquet.ParquetFile(path)
            self.columns = tuple(self._file.schema_arrow.names)
        except self._raised as error:
            raise DatasetError(self._damaged) from error

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Read the cells of these columns as text; nothing is ""."""
        batches = self._file.iter_batches(columns=list(columns))
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                lists = [batch.column(batch.schema.get_field_index(column)).to_pylist() for column in columns]
            except self._raised as error:
                raise DatasetError(self._damaged) from error
            for cells in zip(*lists, strict=True):
                yield tuple("" if cell is None else str(cell) for cell in cells)


def column_named(table: Table, wanted: str, name: str) -> str:
    """Return the table's column of that name, whatever the case. Raises: DatasetError naming those there are."""
    for column in table.columns:
        if column.casefold() == wanted.strip().casefold():
            return column
    raise DatasetError(f"{name} has no column {wanted}: choose from {listed(table.columns, 20)}.")
