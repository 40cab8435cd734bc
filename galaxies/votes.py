"""Voting, and the sums of votes that stand in the galaxies. A value is "like" or "dislike", "" stands for no vote."""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from galaxies import tallies
from galaxies.models import Galaxy, Vote, wilson_lower_bound

SUMS = ["likes", "dislikes", "score"]
CHUNK = 500  # galaxies locked and written at once when all votes of a person go


def press(person: User, public_id: str, value: str, shown: str | None = None) -> Galaxy:
    """Press like or dislike: cast the vote, change it, or take it back if it is what the page showed.

    Without `shown`, what is in the database counts as shown. With it, both presses of a double click mean the same.
    Raises: Galaxy.DoesNotExist, with nothing written.
    """
    with transaction.atomic():
        galaxy = Galaxy.objects.select_for_update().get(public_id=public_id)  # other votes wait for it
        vote = Vote.objects.filter(person=person, galaxy=galaxy).first()
        before = vote.value if vote else ""
        galaxy.my_vote = "" if value == (before if shown is None else shown) else value
        if galaxy.my_vote != before:
            changes: Counter[tallies.Entry] = Counter()
            if vote:
                changes[tallies.of_vote(galaxy, vote)] -= 1
                vote.delete()
            if galaxy.my_vote:
                cast = Vote.objects.create(person=person, galaxy=galaxy, value=galaxy.my_vote, created=timezone.now())
                changes[tallies.of_vote(galaxy, cast)] += 1
            _count(galaxy, before, -1)
            _count(galaxy, galaxy.my_vote, +1)
            galaxy.save(update_fields=SUMS)
            tallies.add(changes)
    return galaxy


def mark_votes(galaxies: Iterable[Galaxy], person: User | None) -> None:
    """Set `my_vote` of each to what the person thinks of it: one query for all."""
    if person:
        by_id = {galaxy.pk: galaxy for galaxy in galaxies}
        for vote in Vote.objects.filter(person=person, galaxy__in=by_id):
            by_id[vote.galaxy_id].my_vote = vote.value


@transaction.atomic
def delete_votes(person: User) -> None:
    """Take back all that a person voted."""
    votes = Vote.objects.filter(person=person).order_by("galaxy")
    changes: Counter[tallies.Entry] = Counter()
    while chunk := dict(votes.values_list("galaxy", "value")[:CHUNK]):
        galaxies = list(Galaxy.objects.select_for_update().filter(pk__in=chunk).order_by("pk"))
        going = votes.filter(galaxy__in=chunk).order_by()
        values = dict(going.values_list("galaxy", "value"))  # as they are, now locked
        for galaxy in galaxies:
            _count(galaxy, values.get(galaxy.pk, ""), -1)
        Galaxy.objects.bulk_update(galaxies, SUMS)
        changes.subtract(tallies.counted(Galaxy.objects.none(), going))
        going.delete()
    tallies.add(changes)  # once all galaxies are locked: see there


def _count(galaxy: Galaxy, value: str, change: int) -> None:
    if value == "like":
        galaxy.likes += change
    elif value == "dislike":
        galaxy.dislikes += change
    galaxy.score = wilson_lower_bound(galaxy.likes, galaxy.dislikes)
