"""Measure searching the gallery by measures: python bench/search.py [GALAXIES]

A million measured galaxies in a private SQLite database, a tenth of them in the gallery; the medians of GET
/galaxies/ by several searches, the page and its queries together, in time of the CPU: other work weighs less on it.
"""

import statistics
import sys
import tempfile
import time

from figures import keep
from measure import quiet
from seed import setup

ROUNDS = 15
SEARCHES = (
    "",
    "order=-half_light_share",
    "order=axis_ratio",
    "axis_ratio_most=0.2",
    "colour_least=2.4&order=-brightness",
    "axis_ratio_least=0.4&axis_ratio_most=0.5&brightness_least=100&order=-concentration",
    "axis_ratio_most=0.05&colour_least=2.4&brightness_least=195",
)


def fill(count: int) -> None:
    """Insert measured galaxies, made of random numbers by SQLite itself."""
    from django.db import connection

    from galaxies.models import ModelVersion

    families = [{"id": 0, "name": "Family", "sentence": "", "share": 1.0, "exemplars": []}]
    version = ModelVersion.objects.create(
        version="seeded", is_active=True, n_clusters=1, resolution=128, checksum="0" * 64, families=families
    )
    values = {
        "id": "n",
        "public_id": "replace(replace(printf('%011d', n), '0', 'A'), '1', 'B')",
        "model_version_id": str(version.pk),
        "digest": "printf('%064d', n)",
        "created": "datetime('2026-01-01', printf('+%d seconds', abs(random()) % 30000000))",
        "published": "n % 10 = 0",
        **dict.fromkeys(("path", "shares"), "'[]'"),
        **{"steer": "'{}'", "image": "''", "seed": "n", "psi": "0.8", "kept": "1"},
        **dict.fromkeys(("cluster", "likes", "dislikes", "score"), "0"),
    }
    spans = {"half_light_share": 0.5, "axis_ratio": 1, "colour": 2.5, "concentration": 4, "brightness": 200}
    values |= {name: f"abs(random() % 10000) / 10000.0 * {span}" for name, span in spans.items()}
    numbers = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count})"  # noqa: S608
    with connection.cursor() as cursor:
        names, made = ", ".join(values), ", ".join(values.values())
        cursor.execute(f"INSERT INTO galaxies_galaxy ({names}) {numbers} SELECT {made} FROM c")  # noqa: S608
        cursor.execute("ANALYZE")


def main(folder: str, count: int) -> None:
    setup(folder)
    from django.test import Client

    fill(count)
    quiet()
    client = Client(headers={"host": "localhost"})
    for search in SEARCHES:
        times = []
        for _ in range(ROUNDS):
            started = time.process_time()
            response = client.get(f"/galaxies/?{search}")
            times.append(1000 * (time.process_time() - started))
            if response.status_code != 200:
                sys.exit(f"/galaxies/?{search} answered {response.status_code}.")
        shown = response.content.count(b"data-galaxy-id")
        keep(search or "newest", statistics.median(times), "ms", note=f"{shown} shown")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(temporary, int(sys.argv[1]) if sys.argv[1:] else 1_000_000)
