"""Lists of galaxies, page by page: the gallery, and what somebody made or liked."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import User
from galaxies.models import Galaxy, Vote
from galaxies.votes import mark_votes

PAGE_SIZE = 24
ORDERS = {"new": ["-created", "-id"], "best": ["-score", "-id"]}


class NoSuchPage(Exception):
    """The list ends before this page."""


@dataclass(frozen=True)
class Page:
    """Some galaxies of a list. How long the list is nobody counts: with a million of them that takes longer."""

    galaxies: list[Galaxy]
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


def gallery(order: str, cluster: int | None) -> QuerySet[Galaxy]:
    """What is liked or published, "new" or "best" first; without a cluster, of all families."""
    listed = Galaxy.objects.filter(listed=True).order_by(*ORDERS[order])
    return listed if cluster is None else listed.filter(cluster=cluster)


def made_by(person: User) -> QuerySet[Galaxy]:
    """What somebody generated, newest first."""
    return Galaxy.objects.filter(creator=person)


def liked_by(person: User) -> QuerySet[Galaxy]:
    """What somebody likes, in the order of liking, newest first."""
    likes = {"votes__person": person, "votes__value": Vote.Value.LIKE}
    return Galaxy.objects.filter(**likes).order_by("-votes__created", "-votes__id")


def page_of(galaxies: QuerySet[Galaxy], number: int, viewer: User | None) -> Page:
    """A page of a list with the viewer's votes. Raises: NoSuchPage beyond the last; the first is always there."""
    start = (number - 1) * PAGE_SIZE
    # Prefetched, not joined: the families of a version are read once, not for every galaxy.
    found = list(galaxies.prefetch_related("model_version")[start : start + PAGE_SIZE + 1])
    if not found and number > 1:
        raise NoSuchPage
    shown = found[:PAGE_SIZE]
    mark_votes(shown, viewer)
    return Page(shown, number, has_next=len(found) > PAGE_SIZE)
