"""Counts by day, model version and family, updated with what they count, so that no page counts a million rows.

changes = Counter({of_galaxy(galaxy): 1})               # or of_vote(galaxy, vote), or what counted() found
add(changes)                                            # in the transaction that writes the galaxy, after locking it
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date
from itertools import groupby

from django.db import connection, transaction
from django.db.models import Count, DateField, F, QuerySet
from django.db.models.functions import Cast

from galaxies.models import Galaxy, Tally, Vote

Entry = tuple[date, int, int, str]  # day (UTC), id of the model version, cluster, column of Tally
VOTES = {"like": "likes", "dislike": "dislikes"}
ROWS = 1000  # written at once by rebuild


def of_galaxy(galaxy: Galaxy) -> Entry:
    """Return the entry that counts a galaxy."""
    return (galaxy.created.astimezone(UTC).date(), galaxy.model_version_id, galaxy.cluster, "generated")


def of_vote(galaxy: Galaxy, vote: Vote) -> Entry:
    """Return the entry that counts a vote for a galaxy: on the day it was cast, for the galaxy's family."""
    return (vote.created.astimezone(UTC).date(), galaxy.model_version_id, galaxy.cluster, VOTES[vote.value])


def counted(galaxies: QuerySet[Galaxy], votes: QuerySet[Vote]) -> Counter[Entry]:
    """Return the sums of these galaxies and these votes by entry."""
    # The database's own date, in UTC as all that Django stores; TruncDate would call Python for each row of SQLite.
    day = Cast("created", DateField())
    made = galaxies.order_by().values_list(day, "model_version", "cluster").annotate(Count("pk"))
    family = ("galaxy__model_version", "galaxy__cluster")
    cast = votes.order_by().values_list(day, *family, "value").annotate(Count("pk"))
    found: Counter[Entry] = Counter()
    for on, version, cluster, number in made:
        found[on, version, cluster, "generated"] += number
    for on, version, cluster, value, number in cast:
        found[on, version, cluster, VOTES[value]] += number
    return found


def add(changes: Mapping[Entry, int]) -> None:
    """Add to the tallies; negative numbers subtract. Call it last in a transaction.

    Each transaction locks its galaxies first and then tallies in sorted order, so there is no deadlock.
    """
    for (day, version, cluster), entries in groupby(sorted(changes), key=lambda entry: entry[:3]):
        columns = {entry[3]: F(entry[3]) + changes[entry] for entry in entries if changes[entry]}
        tally = Tally.objects.filter(day=day, model_version=version, cluster=cluster)
        if columns and not tally.update(**columns):
            new = Tally(day=day, model_version_id=version, cluster=cluster)
            Tally.objects.bulk_create([new], ignore_conflicts=True)  # another process may be doing the same
            tally.update(**columns)


def rebuild() -> None:
    """Count everything anew, in seconds for a million galaxies. Writes wait meanwhile, or are counted."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:  # SQLite has one writer anyway
                cursor.execute("LOCK TABLE galaxies_tally IN SHARE ROW EXCLUSIVE MODE")
        found = counted(Galaxy.objects.all(), Vote.objects.all())
        rows: dict[tuple[date, int, int], Tally] = {}
        for (day, version, cluster, column), number in found.items():
            tally = rows.setdefault((day, version, cluster), Tally(day=day, model_version_id=version, cluster=cluster))
            setattr(tally, column, number)
        Tally.objects.all().delete()
        Tally.objects.bulk_create(rows.values(), batch_size=ROWS)
