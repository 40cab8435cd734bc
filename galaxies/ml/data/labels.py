"""Which class an image is of: from a table, or from the folders that the images lie in.

found = labels_of(names, source, options)
found.classes["spiral/0.png"]           # "spiral"
found.notes                             # ("labels.csv labels 520 of 600 images.",)

An id in a table meets a file by its path, and by its name alone only where no other file or row is so called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from galaxies.ml.data.fits import is_fits, stem
from galaxies.ml.data.options import THRESHOLD, ReadingOptions
from galaxies.ml.data.records import DatasetError, listed, shown
from galaxies.ml.data.tables import Table, column_named, open_table

LABELS = "labels.csv"
ID_COLUMNS = (
    "file",
    "filename",
    "file_name",
    "path",
    "image",
    "name",
    "id",
    "galaxyid",
    "objid",
    "dr7objid",
    "iauname",
)
CLASS_COLUMNS = ("morphology", "class", "label")
SPLIT_FOLDERS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
MOST_FOLDERS = 100
WHOLE_PATH = 1_000  # stands above any number of parts

Row = tuple[str, str]  # id, class


@dataclass(frozen=True)
class Labels:
    """classes: by the name of the image; notes: sentences for the report."""

    classes: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def labels_of(names: Sequence[str], source: Path, options: ReadingOptions) -> Labels:
    """Find the classes of images with these names, paths below the folder `source`.

    Raises: DatasetError, before any image is read, if a table cannot be read or labels none although it was asked for.
    """
    if options.labels:
        return _from_table(Path(options.labels), names, source, options)
    for path in (source / LABELS, source.parent / LABELS):
        if path.exists():
            return _from_table(path, names, source, options)
    return _from_folders(names)


def _from_folders(names: Sequence[str]) -> Labels:
    """A folder for each class: all images lie in folders, which are neither shards nor the parts of a split."""
    folders = {name: PurePosixPath(name).parent.name for name in names}
    found = set(folders.values())
    classes = {name.casefold() for name in found}
    shards = all(re.fullmatch(r"[0-9a-f]{1,4}|\d+", name) for name in classes)
    if not 2 <= len(found) <= MOST_FOLDERS or "" in found or shards or classes <= SPLIT_FOLDERS:
        return Labels()
    note = f"No {LABELS}: the names of the folders are taken for classes ({listed(sorted(found))})."
    return Labels(folders, (note,))


def _from_table(path: Path, names: Sequence[str], source: Path, options: ReadingOptions) -> Labels:
    title = shown(path.name)
    with open_table(path) as table:
        rows = _rows(table, title, options)
        if rows is None:
            has = listed(table.columns, 20) or "none"
            note = (
                f"{title} labels 0 of {len(names)} images: it needs the columns file and morphology, and has {has}; "
                "name others with --labels, --labels-id and --labels-class."
            )
            return _told(Labels({}, (note,)), bool(options.labels))
        match = Match(names, shown(source.resolve().name))
        for identity, label in rows:
            match.add(identity, label)
    classes, ambiguous = match.classes()
    notes = [f"{title} labels {len(classes)} of {len(names)} images."]
    if not classes and match.unknown:
        notes = [f"{title} labels 0 of {len(names)} images: none is called {match.unknown}, which it names."]
    if ambiguous:
        count = len(ambiguous)
        notes.append(
            f"{count} {'name' if count == 1 else 'names'} in {title} fit several images or classes, such as "
            f"{ambiguous[0]}: write paths below the folder of images."
        )
    return _told(Labels(classes, tuple(notes)), bool(options.labels) and not classes)


def _told(labels: Labels, is_error: bool) -> Labels:
    if is_error:
        raise DatasetError(" ".join(labels.notes))
    return labels


def _rows(table: Table, title: str, options: ReadingOptions) -> Iterator[Row] | None:
    """Ids and classes of a table; None if its columns are not known and nobody named them."""
    by_name = {column.casefold(): column for column in table.columns}
    known_id = next((by_name[name] for name in ID_COLUMNS if name in by_name), "")
    known_class = next((by_name[name] for name in CLASS_COLUMNS if name in by_name), "")
    identity = column_named(table, options.labels_id, title) if options.labels_id else known_id
    columns = [column_named(table, name, title) for name in options.labels_class] or [known_class]
    if not identity or not columns[0]:
        return None
    if len(columns) == 1 and options.labels_threshold is None:
        return ((row[0], row[1]) for row in table.rows([identity, columns[0]]))
    threshold = THRESHOLD if options.labels_threshold is None else options.labels_threshold
    return _voted(table, title, identity, columns, threshold=threshold)


def _voted(table: Table, title: str, identity: str, columns: Sequence[str], *, threshold: float) -> Iterator[Row]:
    """The column with the largest vote fraction is the class, where it is above the threshold."""
    for row in table.rows([identity, *columns]):
        try:
            votes = [float(cell) if cell else 0.0 for cell in row[1:]]
        except ValueError as error:
            raise DatasetError(
                f"{title} holds {listed(row[1:])!r} where vote fractions should be: name their columns with "
                "--labels-class, or a single column of class names."
            ) from error
        largest = max(range(len(votes)), key=votes.__getitem__)
        if votes[largest] > threshold:  # False for NaN
            yield row[0], columns[largest]


class Match:
    """Finds the images that the ids of a table mean. Names may come with or without extension, in any case.

    folder: the name of the folder they lie in, with which the ids of a table beside it begin.
    """

    def __init__(self, names: Sequence[str], folder: str) -> None:
        self.unknown = ""
        self._names = frozenset(names)
        self._paths: dict[str, set[str]] = {}
        self._ends: dict[str, set[str]] = {}
        self._found: dict[str, tuple[int, set[str], str]] = {}
        self._unclear: dict[str, None] = {}
        for name in names:
            for form in _forms(name):
                self._paths.setdefault(form, set()).add(name)
                for end in _ends(f"{folder.casefold()}/{form}"):
                    self._ends.setdefault(end, set()).add(name)

    def add(self, identity: str, label: str) -> None:
        """Note the class of a row; rows without one say nothing."""
        if not identity or not label:
            return
        path = re.sub(r"^(\./|/)+", "", identity.replace("\\", "/"))
        if path in self._names:
            return self._note(path, WHOLE_PATH, label, identity)
        path = path.casefold()
        ends = _ends(path)
        found = next((end for end in ends if end in self._ends), "")
        names = self._paths.get(path) or self._ends.get(found, set())
        if len(names) == 1:
            parts = WHOLE_PATH if path in self._paths else found.count("/") + 1
            return self._note(next(iter(names)), parts, label, identity)
        if names:
            self._unclear[identity] = None
        self.unknown = self.unknown or identity
        return None

    def _note(self, name: str, parts: int, label: str, identity: str) -> None:
        best, labels, _ = self._found.get(name, (0, set(), ""))
        if parts > best:
            self._found[name] = (parts, {label}, identity)
        elif parts == best:
            labels.add(label)

    def classes(self) -> tuple[dict[str, str], list[str]]:
        """Return the class of every image that has one, and the ids that fit several images or classes."""
        clear = {name: next(iter(labels)) for name, (_, labels, _) in self._found.items() if len(labels) == 1}
        twice = [identity for _, labels, identity in self._found.values() if len(labels) > 1]
        return clear, [*self._unclear, *twice]


def _forms(name: str) -> tuple[str, ...]:
    """A name in lower case, with and without extension."""
    path = PurePosixPath(name.casefold())
    bare = stem(str(path)) if is_fits(name) else str(path.with_suffix(""))
    return (str(path), bare)


def _ends(path: str) -> list[str]:
    """Every end of a path, the longest first: a/b/c, b/c, c."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ["/".join(parts[i:]) for i in range(len(parts))]
