"""Collections: galaxies that a person puts together, names and orders.

add(collection, galaxies)                       # those that are not in it yet, at its end; raises Full
move(collection, galaxy, Move.UP)
"""

from collections.abc import Iterable

from django.db import models, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from galaxies.models import Collection, CollectionItem, Galaxy

MOST = 100  # collections of a person
LARGEST = 200  # galaxies in one: what one zip holds


class Full(Exception):
    """There is no room; the message says so in one sentence."""


class Move(models.TextChoices):
    """What can be done with a galaxy in a collection."""

    UP = "up"
    DOWN = "down"
    FIRST = "first"
    REMOVE = "remove"


def create(owner: User, name: str, *, is_public: bool = False) -> Collection:
    """Return a new, empty collection. Raises: Full."""
    if owner.collections.count() >= MOST:
        raise Full(_("You have %(most)d collections, and that is all one person can have.") % {"most": MOST})
    return Collection.objects.create(owner=owner, name=name, is_public=is_public)


def add(collection: Collection, galaxies: Iterable[Galaxy]) -> int:
    """Put galaxies at the end, unless they are in it. Returns: how many are new. Raises: Full, with nothing added."""
    with transaction.atomic():
        there = _locked(collection)
        known = {item.galaxy_id for item in there}
        new = [galaxy for galaxy in galaxies if galaxy.pk not in known]
        if len(there) + len(new) > LARGEST:
            full = _("A collection holds %(most)d galaxies at most, and this one has %(number)d.")
            raise Full(full % {"most": LARGEST, "number": len(there)})
        last = there[-1].position if there else 0
        CollectionItem.objects.bulk_create(
            CollectionItem(collection=collection, galaxy=galaxy, position=last + number)
            for number, galaxy in enumerate(new, 1)
        )
    return len(new)


def move(collection: Collection, galaxy: Galaxy, how: Move) -> None:
    """Move a galaxy one place up or down, or to the top, or take it out; one that is not in it stays out."""
    with transaction.atomic():
        items = _locked(collection)
        at = next((place for place, item in enumerate(items) if item.galaxy_id == galaxy.pk), None)
        if at is None:
            return
        moved = items.pop(at)
        if how == Move.REMOVE:
            moved.delete()
        else:
            items.insert({Move.UP: max(at - 1, 0), Move.DOWN: at + 1, Move.FIRST: 0}[how], moved)
        for place, item in enumerate(items, 1):
            item.position = place
        CollectionItem.objects.bulk_update(items, ["position"])


def _locked(collection: Collection) -> list[CollectionItem]:
    """Return the items in their order; whoever else would change them waits."""
    Collection.objects.select_for_update().get(pk=collection.pk)
    return list(collection.items.order_by("position", "pk"))
