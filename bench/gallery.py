"""Measure the gallery by model and family: python bench/gallery.py [GALAXIES]

A million galaxies of an old and a new model, a tenth of them in the gallery, in a private SQLite database or, where
NEBULAI_DATABASE_URL names one, in an empty PostgreSQL database. For each choice of model, family and order: what the
database plans for the first page, and how long a page takes, the whole of it and its process's part. Fails if a plan
sorts, or looks through galaxies that it does not show.
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from typing import Any

from measure import measure, quiet
from seed import setup

ROUNDS = 15
LIMIT_MS = 150.0
FAMILIES = 8
NEW_SHARE = 1000  # one galaxy in so many is of the new model
PAGE = 24
BAD = re.compile(r"USE TEMP B-TREE|\bSort\b|Seq Scan|^SCAN (?!galaxies_galaxy USING INDEX)", re.MULTILINE)
# Numbers and texts of a row's number n, in the words of each database
WORDS = {
    "sqlite": {
        "id": "replace(replace(printf('%011d', n), '0', 'A'), '1', 'B')",
        "digest": "printf('%064d', n)",
        "time": "datetime('2026-01-01', printf('+%d seconds', n * 7919 % 30000000))",
        "true": "1",
    },
    "postgresql": {
        "id": "replace(replace(lpad(n::text, 11, '0'), '0', 'A'), '1', 'B')",
        "digest": "lpad(n::text, 64, '0')",
        "time": "timestamptz '2026-01-01' + (n * 7919 % 30000000) * interval '1 second'",
        "true": "true",
    },
}


def fill(count: int) -> None:
    """Insert two models and galaxies made of numbers by the database itself; the new model is the active one."""
    from django.db import connection

    from galaxies.models import ModelVersion

    families = [
        {"id": each, "name": f"Family {each}", "sentence": "", "share": 1 / FAMILIES, "exemplars": []}
        for each in range(FAMILIES)
    ]
    old, new = (
        ModelVersion.objects.create(
            version=name, is_active=name == "new", n_clusters=FAMILIES, resolution=128, checksum="0" * 64,
            families=families,
        )
        for name in ("old", "new")
    )  # fmt: skip
    words = WORDS[connection.vendor]
    values = {
        "public_id": words["id"],
        "digest": words["digest"],
        "created": words["time"],
        "model_version_id": f"CASE WHEN n % {NEW_SHARE} = 0 THEN {new.pk} ELSE {old.pk} END",
        "cluster": f"n / 1000 % {FAMILIES}",
        "score": "n * 7907 % 100003 / 100003.0",
        "published": "n % 10 = 0",
        "kept": words["true"],
        **dict.fromkeys(("path", "shares"), "'[]'"),
        **{"steer": "'{}'", "image": "''", "seed": "n", "psi": "0.8", "likes": "0", "dislikes": "0"},
    }
    numbers = f"WITH RECURSIVE c(n) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT n + 1 FROM c WHERE n < {count})"  # noqa: S608
    with connection.cursor() as cursor:
        names, made = ", ".join(values), ", ".join(values.values())
        cursor.execute(f"INSERT INTO galaxies_galaxy ({names}) {numbers} SELECT {made} FROM c")  # noqa: S608
        cursor.execute("ANALYZE")


def choices() -> Iterator[tuple[str, Any]]:
    """Each choice as an address, and its query."""
    from galaxies.models import Galaxy, ModelVersion

    versions = {version.version: version for version in ModelVersion.objects.all()}
    yield from ((f"order={order}", Galaxy.objects.gallery(order)) for order in ("new", "best"))
    for name, cluster, order in product(versions, (None, 3), ("new", "best")):
        query = f"order={order}&version={name}" + ("" if cluster is None else f"&cluster={cluster}")
        yield query, Galaxy.objects.gallery(order).of(versions[name], cluster)


def main(folder: str, count: int) -> None:
    setup(folder, os.environ.get("NEBULAI_DATABASE_URL", ""))
    from django.test import Client

    fill(count)
    quiet()
    client = Client(headers={"host": "localhost"})
    good = True
    for query, galaxies in choices():
        plan = galaxies[: PAGE + 1].explain()
        good = good and not BAD.search(plan)
        print(f"{query}\n  " + plan.replace("\n", "\n  "))
        address = f"/galaxies/?{query}"
        good = measure(address, lambda: client.get(address).status_code, ROUNDS, LIMIT_MS) and good  # noqa: B023
    if not good:
        sys.exit("A plan sorts or scans, a median is above the limit, or the number of queries varies.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(temporary, int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
