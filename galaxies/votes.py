"""Votes, and their sums in the rows of galaxies. A value is "like", "dislike" or "" for no vote.

galaxy = toggle_vote(person, public_id, "like")
galaxy.my_vote, galaxy.likes, galaxy.dislikes
"""

from collections import Counter
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from galaxies import tallies
from galaxies.approval import wilson_lower_bound
from galaxies.models import Galaxy, Vote

SUMS = ["likes", "dislikes", "score"]
CHUNK = 500  # galaxies locked and written at once when all votes of a person go


def toggle_vote(person: User, public_id: str, value: str, shown: str | None = None) -> Galaxy:
    """Cast or change a person's vote, or take it back if `value` is the vote that the page showed.

    shown: the vote on the page when its button was clicked, so that both clicks of a double click mean the same; None
    stands for the vote in the database.
    Returns: the galaxy with its new sums and `my_vote`.
    Raises: Galaxy.DoesNotExist, with nothing written.
    """
    with transaction.atomic():
        galaxy = Galaxy.objects.select_for_update().named(public_id)  # other votes wait for it
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
    """Set `my_vote` of each galaxy to the person's vote, with one query for all."""
    if person:
        by_id = {galaxy.pk: galaxy for galaxy in galaxies}
        for vote in Vote.objects.filter(person=person, galaxy__in=by_id):
            by_id[vote.galaxy_id].my_vote = vote.value


@transaction.atomic
def delete_votes(person: User) -> None:
    """Delete all votes of a person and take them out of the sums."""
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
    tallies.add(changes)  # last, once all galaxies are locked: see there


def _count(galaxy: Galaxy, value: str, change: int) -> None:
    if value == "like":
        galaxy.likes += change
    elif value == "dislike":
        galaxy.dislikes += change
    galaxy.score = wilson_lower_bound(galaxy.likes, galaxy.dislikes)
