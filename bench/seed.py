"""Fill an empty database with galaxies and votes as people leave them: python bench/seed.py FOLDER [galaxies [votes]]

FOLDER becomes a data folder: NEBULAI_DATA_DIR=FOLDER python manage.py runserver serves it, without images. A few
galaxies get most of the votes, and one person made a tenth of all and voted most.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import numpy as np

PEOPLE = 2000
HEAVY = 1  # the person who made and liked most
FAMILIES = 8
ROWS = 20_000  # inserted at once


def setup(folder: str, url: str = "") -> None:
    """Django on a migrated database: SQLite in `folder`, or the empty one at a URL."""
    os.environ |= {"NEBULAI_DATA_DIR": folder, "NEBULAI_RATE_LIMITS": "off", "NEBULAI_DATABASE_URL": url}
    os.environ["NEBULAI_ALLOWED_HOSTS"] = "localhost,127.0.0.1,testserver"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nebulai.settings")
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)


def seed(n_galaxies: int, n_votes: int) -> None:
    """Insert people, one model version, galaxies and votes; the galaxies' sums are those of their votes."""
    from django.utils import timezone

    from accounts.models import User
    from galaxies import tallies
    from galaxies.approval import wilson_lower_bound
    from galaxies.models import ModelVersion, new_public_id

    rng = np.random.default_rng(0)
    User.objects.bulk_create(User(pk=pk, username=f"p{pk}", email=f"p{pk}@example.org") for pk in range(1, PEOPLE + 1))
    families = [
        {"id": each, "name": f"Family {each}", "sentence": "Seeded.", "share": 1 / FAMILIES, "exemplars": []}
        for each in range(FAMILIES)
    ]
    version = ModelVersion.objects.create(
        version="seeded", is_active=True, n_clusters=FAMILIES, resolution=128, checksum="0" * 64, families=families
    )

    # Distinct pairs of a galaxy, the first ones favoured, and a person, of whom one votes a tenth of all.
    galaxy = (rng.random(3 * n_votes) ** 2 * n_galaxies).astype(np.int64)
    person = np.where(rng.random(3 * n_votes) < 0.1, HEAVY, rng.integers(1, PEOPLE + 1, 3 * n_votes))
    pairs = rng.permutation(np.unique(galaxy * (PEOPLE + 1) + person))[:n_votes]
    galaxy, person = pairs // (PEOPLE + 1), pairs % (PEOPLE + 1)
    like = rng.random(len(pairs)) < 0.7
    likes, dislikes = (np.bincount(galaxy[which], minlength=n_galaxies).tolist() for which in (like, ~like))

    now = timezone.now()
    order = rng.permutation(n_galaxies).tolist()  # age has nothing to do with votes
    makers = np.where(rng.random(n_galaxies) < 0.1, HEAVY, rng.integers(1, PEOPLE + 1, n_galaxies)).tolist()
    seeds = rng.integers(0, 2**63 - 1, n_galaxies).tolist()
    clusters = rng.integers(0, FAMILIES, n_galaxies).tolist()

    def galaxy_rows() -> Iterator[tuple[Any, ...]]:
        for index in range(n_galaxies):
            sums = likes[index], dislikes[index]
            made = now - timedelta(seconds=30 * order[index])
            yield (
                *(index + 1, new_public_id(), version.pk, clusters[index], seeds[index], 0.8, makers[index], made),
                *("", False, *sums, wilson_lower_bound(*sums), "[]", "[]", "{}", f"{index:064x}", False),
            )

    names = "id public_id model_version_id cluster seed psi creator_id created image published likes dislikes score"
    _insert("galaxies_galaxy", [*names.split(), "path", "shares", "steer", "digest", "kept"], galaxy_rows())
    makings = ((index + 1, makers[index], now - timedelta(seconds=30 * order[index])) for index in range(n_galaxies))
    _insert("galaxies_making", ["galaxy_id", "person_id", "created"], makings)
    values = zip(person.tolist(), (galaxy + 1).tolist(), np.where(like, "like", "dislike").tolist(), strict=True)
    ages = (now - timedelta(seconds=number) for number in range(len(pairs)))
    _insert("galaxies_vote", ["person_id", "galaxy_id", "value", "created"], ((*each, next(ages)) for each in values))
    tallies.rebuild()
    analyze()


def analyze() -> None:
    """Let the database count its rows, and PostgreSQL note which pages all may see, as it does by itself in a while."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def _insert(table: str, names: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    from django.db import connection, transaction

    columns, marks = ", ".join(names), ", ".join(["%s"] * len(names))
    rows = iter(rows)
    with transaction.atomic(), connection.cursor() as cursor:
        while chunk := list(islice(rows, ROWS)):
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", chunk)  # noqa: S608  (names of ours)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("galaxies", type=int, nargs="?", default=1_000_000)
    parser.add_argument("votes", type=int, nargs="?", default=1_000_000)
    options = parser.parse_args()
    setup(options.folder)
    seed(options.galaxies, options.votes)
