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
    # Ids first: on the way to a late page PostgreSQL then reads the index alone, and not every row before it.
    ids = list(galaxies.values_list("pk", flat=True)[start : start + PAGE_SIZE + 1])
    if not ids and number > 1:
        raise NoSuchPage
    # Prefetched, not joined: the families of a version are read once, not for every galaxy.
    there = Galaxy.objects.prefetch_related("model_version").in_bulk(ids[:PAGE_SIZE])
    shown = [there[each] for each in ids[:PAGE_SIZE] if each in there]
    mark_votes(shown, viewer)
    for galaxy, beside in zip(shown, [*shown[1:], *shown[-2:-1]], strict=False):
        galaxy.beside = beside.public_id
    return Page(shown, number, has_next=len(ids) > PAGE_SIZE)
