"""Pages of the history, filtered and sorted, in bounded time whatever the number of galaxies.

page = page_of(filters, versions, "-created", 1)        # filters: a valid HistoryFilter
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import display_name
from dashboard.history.filters import VISITOR, HistoryFilter, Served, Versions, served
from dashboard.overview.query import family_name
from galaxies import family_words
from galaxies.listing import NoSuchPage, Page
from galaxies.models import Galaxy, Making

PAGE_SIZE = 50
MAX_PAGE = 200  # beyond, skipping the rows before would take too long; days narrow it down
# Filters that no index serves together look through this many galaxies at most, so that nobody waits too long; the page
# says so if these were not all.
SCAN = 10_000
SORTS = {"created": _("Made"), "likes": _("Likes"), "dislikes": _("Dislikes")}
CHUNK = 2000  # rows read at once for the export
HEADER = ["id", "made", "family", "version", "cluster", "seed", "psi", "who", "likes", "dislikes"]


@dataclass(frozen=True)
class Row:
    """A galaxy with the name of its family, its version, the address of its creator and how many others made it too."""

    galaxy: Galaxy
    family: str
    version: str
    who: str
    others: int = 0

    @property
    def key(self) -> str:
        """Its value in the filter by family."""
        return f"{self.version}:{self.galaxy.cluster}"

    @property
    def shown_family(self) -> str:
        """The family in the reader's language."""
        return family_words.family_name(self.family)


@dataclass(frozen=True, kw_only=True)
class HistoryPage(Page[Row]):
    """A page of the history. limited: only SCAN galaxies were looked through; looked_to: the last one's day."""

    limited: bool
    looked_to: date | None


def page_of(filters: HistoryFilter, versions: Versions, sort: str, number: int) -> HistoryPage:
    """Return a page sorted by a key of SORTS, descending with a minus; the first is there even if it is empty.

    Raises: NoSuchPage beyond the last page.
    """
    galaxies, walked = _findable(filters, sort)
    start = (number - 1) * PAGE_SIZE
    found = list(_sorted(galaxies, sort).select_related("creator")[start : start + PAGE_SIZE + 1])
    if not found and number > 1:
        raise NoSuchPage
    makings = Making.objects.filter(galaxy__in=[galaxy.pk for galaxy in found]).order_by().values_list("galaxy")
    makers = dict(makings.annotate(Count("pk")))
    rows = [row_of(galaxy, versions, makers.get(galaxy.pk, 0)) for galaxy in found[:PAGE_SIZE]]
    more = len(found) > PAGE_SIZE
    looked_to = None
    if walked is not None and sort.endswith("created"):
        looked_to = _sorted(walked, sort).values_list("created", flat=True)[SCAN - 1].date()
    has_next = more and number < MAX_PAGE
    return HistoryPage(rows, number, has_next, limited=walked is not None, looked_to=looked_to)


def _findable(filters: HistoryFilter, sort: str) -> tuple[QuerySet[Galaxy], QuerySet[Any] | None]:
    """Return the galaxies to sort and show and, if these are not all, the rows of which SCAN were searched."""
    choices = served(filters)
    wanted = frozenset(name for name, value in filters.form.cleaned_data.items() if value)
    walk = _in_order(choices, sort)
    if walk.in_order and wanted <= walk.filters:
        return walk.rows, None  # as many as there are: the index has them in this order
    for choice in choices:  # walk is one of them, or longer than all
        if not _is_long(choice.rows):
            return filters.among(choice.galaxies(), choice.filters), None
    return filters.among(walk.galaxies(_sorted(walk.rows, sort)[:SCAN]), walk.filters), walk.rows


def _in_order(choices: list[Served], sort: str) -> Served:
    """Return the choice that an index serves in the order wanted."""
    column = sort.removeprefix("-")
    return next((choice for choice in choices if choice.column == column), Served(Galaxy.objects.all(), frozenset()))


def _is_long(rows: QuerySet[Any]) -> bool:
    return rows.order_by()[SCAN : SCAN + 1].exists()


def _sorted(rows: QuerySet[Any], sort: str) -> QuerySet[Any]:
    return rows.order_by(sort, "-id" if sort.startswith("-") else "id")


def row_of(galaxy: Galaxy, versions: Versions, makers: int = 0) -> Row:
    """Return the row of a galaxy that so many people made. Its `creator` should be loaded."""
    version = versions[galaxy.model_version_id]
    who = display_name(galaxy.creator) if galaxy.creator else VISITOR
    return Row(galaxy, family_name(version, galaxy.cluster), version["version"], who, max(0, makers - 1))


class _Echo:
    """A file for csv.writer that returns each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(filters: HistoryFilter, versions: Versions, sort: str) -> Iterator[str]:
    """Yield the CSV of all galaxies that the filters leave, the newest first unless the page has the oldest first."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEADER)
    order = "created" if sort == "created" else "-created"
    walk = _in_order(served(filters), order)
    found = filters.among(walk.rows if walk.in_order else walk.galaxies())
    for galaxy in _sorted(found, order).select_related("creator").iterator(CHUNK):
        row = row_of(galaxy, versions)
        cells = [galaxy.public_id, galaxy.created.isoformat(), row.family, row.version, galaxy.cluster, galaxy.seed]
        cells += [galaxy.psi, row.who, galaxy.likes, galaxy.dislikes]
        yield writer.writerow([_harmless(cell) for cell in cells])


def _harmless(cell: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
