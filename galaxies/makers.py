"""Who made a galaxy: many people may have, since the same recipe is the same galaxy.

add([galaxy], person)
leave(person, Galaxy.objects.made_by(person))   # they stay, made by the others or by nobody known
"""

from collections.abc import Iterable

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.models import User
from galaxies.models import Galaxy, Making


def add(galaxies: Iterable[Galaxy], person: User) -> None:
    """Make a person one of the makers of galaxies; what they made before stays made when it was."""
    ids = [galaxy.pk for galaxy in galaxies]
    now = timezone.now()
    Making.objects.bulk_create([Making(galaxy_id=pk, person=person, created=now) for pk in ids], ignore_conflicts=True)
    Galaxy.objects.filter(pk__in=ids, creator=None).update(creator=person)


def leave(person: User, galaxies: QuerySet[Galaxy]) -> None:
    """Take a person off the makers of galaxies: the next who made one stands first then."""
    theirs = Making.objects.filter(person=person, galaxy__in=galaxies.order_by().values("pk"))
    others = Making.objects.filter(galaxy=OuterRef("pk")).exclude(person=person).order_by("created", "pk")
    first = Subquery(others.values("person")[:1])
    Galaxy.objects.filter(creator=person, pk__in=theirs.values("galaxy")).update(creator=first)
    theirs.delete()
