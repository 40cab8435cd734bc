"""Lists page by page: the gallery, what a person made or liked, the history.

page = page_of(Galaxy.objects.gallery("new"), 1, viewer)
page.items, page.number, page.has_next
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import QuerySet

from accounts.models import User
from galaxies.models import Galaxy
from galaxies.votes import mark_votes

PAGE_SIZE = 24
# From this place on, ids are asked for first: PostgreSQL then reads the index alone on its way there, not every row.
LATE = 100 * PAGE_SIZE

Item = TypeVar("Item")


class NoSuchPage(Exception):
    """The list ends before this page."""


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A part of a list. The length of the list is not counted: for a million rows that takes longer than the page."""

    items: list[Item]
    number: int
    has_next: bool

    @property
    def previous(self) -> int:
        """The number of the page before."""
        return self.number - 1

    @property
    def next(self) -> int:
        """The number of the page after."""
        return self.number + 1


def page_of(galaxies: QuerySet[Galaxy], number: int, viewer: User | None) -> Page[Galaxy]:
    """Return a page of galaxies with the viewer's votes; the first page is there even if it is empty.

    Raises: NoSuchPage beyond the last page.
    """
    start = (number - 1) * PAGE_SIZE
    found = _found(galaxies, start, start + PAGE_SIZE + 1)
    if not found and number > 1:
        raise NoSuchPage
    shown = found[:PAGE_SIZE]
    mark_votes(shown, viewer)
    for galaxy, beside in zip(shown, [*shown[1:], *shown[-2:-1]], strict=False):
        galaxy.beside = beside.public_id
    return Page(shown, number, has_next=len(found) > PAGE_SIZE)


def _found(galaxies: QuerySet[Galaxy], start: int, end: int) -> list[Galaxy]:
    """Return the galaxies from the place `start` of a list up to `end`."""
    # Prefetched, not joined: the families of a version are read once, not for every galaxy.
    if start < LATE:
        return list(galaxies.prefetch_related("model_version")[start:end])
    ids = list(galaxies.values_list("pk", flat=True)[start:end])
    there = Galaxy.objects.prefetch_related("model_version").in_bulk(ids)
    return [there[each] for each in ids if each in there]
