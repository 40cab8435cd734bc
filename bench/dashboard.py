"""Measure what staff see of many galaxies: python bench/dashboard.py [GALAXIES [VOTES]] [--postgres]

Seeds a database of its own as bench/people.py does, of which a part belongs to an older model or to visitors, asks for
each page many times through Django's test client (so with middleware and templates, without a network or a cache), and
fails if a page's number of queries varies or a median is above 60 ms. Images are not asked for.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle, islice

from figures import keep
from measure import Ask, arguments, database, measure, quiet
from seed import FAMILIES, HEAVY, PEOPLE, seed, setup

ROUNDS = 40
LIMIT_MS = 60.0
CSV_ROWS = 50_000  # of the export, that are read to tell its speed


def divide() -> None:
    """Give the oldest thirtieth to an older model, another thirtieth to visitors, and a handful to a rare family."""
    from galaxies import tallies
    from galaxies.models import Galaxy, ModelVersion

    number = {"floor": 0.1, "ceiling": 20.0, "better": "lower", "extractor": "encoder", "extractor_version": "one"}
    number |= {"value": 2.0, "std": 0.5, "n_real": 1000, "n_generated": 10_000, "subset_size": 500}
    active = ModelVersion.objects.get()
    ModelVersion.objects.update(metrics={"kid": number, "fid": number})
    older = ModelVersion.objects.create(
        version="older",
        n_clusters=FAMILIES,
        resolution=128,
        checksum="1" * 64,
        families=[*active.families, {"id": FAMILIES, "name": "Rare", "sentence": "", "share": 0.0, "exemplars": []}],
        metrics=active.metrics,
        registered=active.registered - timedelta(days=300),
    )
    oldest = list(Galaxy.objects.order_by("created").values_list("pk", flat=True)[: Galaxy.objects.count() // 30])
    for start in range(0, len(oldest), 500):
        Galaxy.objects.filter(pk__in=oldest[start : start + 500]).update(model_version=older)
    Galaxy.objects.filter(pk__in=oldest[:5]).update(cluster=FAMILIES)
    Galaxy.objects.filter(pk__lte=len(oldest)).update(creator=None)
    tallies.rebuild()


def requests() -> Iterator[tuple[str, Ask]]:
    """What is asked, by name."""
    from django.test import Client
    from django.utils import timezone

    from accounts.models import User

    staff = Client()
    User.objects.filter(pk=HEAVY + 1).update(is_staff=True)
    staff.force_login(User.objects.get(pk=HEAVY + 1))

    def get(*addresses: str) -> Ask:
        following = cycle(addresses)
        return lambda: staff.get(next(following)).status_code

    for preset in ("7", "30", "90", "all"):
        yield f"/dashboard/?range={preset}", get(f"/dashboard/?range={preset}")
    filters = {
        "": "",
        "one person": "who=p5@example.org",
        "busiest person": f"who=p{HEAVY}@example.org",
        "visitors": "who=visitor",
        "version": "version=seeded",
        "older version": "version=older",
        "family": "family=seeded:3",
        "rare family": "family=older:8",
        "disliked": "votes=disliked",
        "unvoted": "votes=none",
        "a week": "since={week}&until={today}",
        "everything": f"since={{year}}&version=older&family=older:3&who=p{HEAVY}@example.org&votes=liked",
    }
    today = timezone.now().date()
    days = {"today": today, "week": today - timedelta(days=7), "year": today - timedelta(days=300)}
    for sort in ("-created", "created", "-likes", "dislikes"):
        for name, query in filters.items():
            query = query.format(**days)
            yield f"history, {sort}, {name or 'all'}", get(f"/dashboard/history/?sort={sort}&{query}")
    yield "history, page 100", get("/dashboard/history/?page=100")
    yield "history, page 200, -likes", get("/dashboard/history/?page=200&sort=-likes")


def export() -> None:
    """Print how soon the export of everything begins, and how fast it goes on."""
    from django.test import RequestFactory

    from accounts.models import User
    from dashboard.history.views import history_csv

    request = RequestFactory().get("/dashboard/history.csv")
    request.user = User.objects.get(pk=HEAVY + 1)
    started = time.perf_counter()
    lines = iter(history_csv(request).streaming_content)
    next(lines), next(lines)
    first = time.perf_counter() - started
    number = sum(1 for _ in islice(lines, CSV_ROWS))
    rate = number / (time.perf_counter() - started)
    keep("history.csv", first * 1000, "ms", note=f"to its first row, then {rate:,.0f} rows/s")


def main(folder: str, url: str, galaxies: int, votes: int) -> None:
    setup(folder, url)
    quiet()
    started = time.perf_counter()
    seed(galaxies, votes)
    divide()
    print(f"{galaxies:,} galaxies, {votes:,} votes, {PEOPLE:,} people in {time.perf_counter() - started:.0f} s")
    good = [measure(name, ask, ROUNDS, LIMIT_MS) for name, ask in requests()]
    export()
    if not all(good):
        sys.exit(f"A median is above {LIMIT_MS:.0f} ms, or the number of queries varies.")


if __name__ == "__main__":
    asked = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, database(asked.postgres) as url:
        main(folder, url, asked.galaxies, asked.galaxies if asked.votes is None else asked.votes)
