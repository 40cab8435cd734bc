"""A page of all galaxies ever made, filtered and sorted as staff like, whatever the number of galaxies.

page = page_of(filters, "-created", 1)                  # filters: a valid HistoryFilter of all galaxies
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from accounts.models import display_name
from dashboard.history.filters import VISITOR, HistoryFilter, Served, Versions, served
from dashboard.overview.query import family_name
from galaxies.listing import NoSuchPage
from galaxies.models import Galaxy

PAGE_SIZE = 50
MAX_PAGE = 200  # beyond, skipping the rows before would take too long; days narrow it down
# Filters that no index serves together look through this many galaxies at most; more would take longer than anybody
# waits. It says so where it was not all.
SCAN = 20_000
SORTS = {"created": "Made", "likes": "Likes", "dislikes": "Dislikes"}
CHUNK = 2000  # rows read at once for the export
HEADER = ["id", "made", "family", "version", "cluster", "seed", "psi", "who", "likes", "dislikes"]


@dataclass(frozen=True)
class Row:
    """A galaxy with what people call its family and its maker."""

    galaxy: Galaxy
    family: str
    version: str
    who: str

    @property
    def key(self) -> str:
        """What the filter by family calls it."""
        return f"{self.version}:{self.galaxy.cluster}"


@dataclass(frozen=True)
class Page:
    """A part of the history. `looked_to`: the day on which looking through the galaxies was given up, if it was."""

    rows: list[Row]
    number: int
    has_next: bool
    limited: bool
    looked_to: date | None

    @property
    def previous(self) -> int:
        """The number of the page before."""
        return self.number - 1

    @property
    def next(self) -> int:
        """The number of the page after."""
        return self.number + 1


def page_of(filters: HistoryFilter, versions: Versions, sort: str, number: int) -> Page:
    """A page, sorted by a key of SORTS, downwards with a minus. Raises: NoSuchPage beyond the last but the first."""
    galaxies, walked = _findable(filters, sort)
    start = (number - 1) * PAGE_SIZE
    found = list(_sorted(galaxies, sort).select_related("creator")[start : start + PAGE_SIZE + 1])
    if not found and number > 1:
        raise NoSuchPage
    rows = [row_of(galaxy, versions) for galaxy in found[:PAGE_SIZE]]
    more = len(found) > PAGE_SIZE
    looked_to = None
    if walked is not None and sort.endswith("created"):
        looked_to = _sorted(walked, sort).values_list("created", flat=True)[SCAN - 1].date()
    return Page(rows, number, more and number < MAX_PAGE, walked is not None, looked_to)


def _findable(filters: HistoryFilter, sort: str) -> tuple[QuerySet[Galaxy], QuerySet[Galaxy] | None]:
    """The galaxies to sort and to show, and if these are not all, what was walked through until it took too long."""
    choices = served(filters)
    wanted = frozenset(name for name, value in filters.form.cleaned_data.items() if value)
    walk = _in_order(choices, sort)
    if wanted <= walk.filters:
        return walk.galaxies, None  # as many as there are: the index has them in this order
    for choice in choices:  # walk is one of them, or longer than all
        if not _is_long(choice.galaxies):
            return filters.among(Galaxy.objects.filter(pk__in=choice.galaxies.order_by().values("pk"))), None
    first = _sorted(walk.galaxies, sort).values("pk")[:SCAN]
    return filters.among(Galaxy.objects.filter(pk__in=first)), walk.galaxies


def _in_order(choices: list[Served], sort: str) -> Served:
    """What an index finds in the order wanted."""
    column = sort.removeprefix("-")
    return next((choice for choice in choices if choice.column == column), Served(Galaxy.objects.all(), frozenset()))


def _is_long(galaxies: QuerySet[Galaxy]) -> bool:
    return galaxies.order_by()[SCAN : SCAN + 1].exists()


def _sorted(galaxies: QuerySet[Galaxy], sort: str) -> QuerySet[Galaxy]:
    return galaxies.order_by(sort, "-id" if sort.startswith("-") else "id")


def row_of(galaxy: Galaxy, versions: Versions) -> Row:
    """What people call it. `creator` should be loaded."""
    version = versions[galaxy.model_version_id]
    who = display_name(galaxy.creator) if galaxy.creator else VISITOR
    return Row(galaxy, family_name(version, galaxy.cluster), version["version"], who)


class _Echo:
    """What csv.writer writes into: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(filters: HistoryFilter, versions: Versions, sort: str) -> Iterator[str]:
    """All that the filters leave, by age: the oldest first where the page is sorted so, otherwise the newest."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    order = "created" if sort == "created" else "-created"
    found = filters.among(_in_order(served(filters), order).galaxies)
    for galaxy in _sorted(found, order).select_related("creator").iterator(CHUNK):
        row = row_of(galaxy, versions)
        cells = [galaxy.public_id, galaxy.created.isoformat(), row.family, row.version, galaxy.cluster, galaxy.seed]
        cells += [galaxy.psi, row.who, galaxy.likes, galaxy.dislikes]
        yield writer.writerow([_harmless(cell) for cell in cells])


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe, which makes it text again."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
