"""Measure the pages of many people's galaxies: python bench/people.py [GALAXIES [VOTES]] [--postgres]

Seeds a database of its own (bench/seed.py), asks for each page many times through Django's test client (so with
middleware and templates, without a network), prints medians, and fails if a page's number of queries varies or a
median is above 60 ms. Images are not asked for.
"""

import sys
import tempfile
import time
from itertools import cycle

from measure import Ask, arguments, database, measure, quiet
from seed import HEAVY, PEOPLE, seed, setup

ROUNDS = 60
LIMIT_MS = 60.0


def requests() -> dict[str, Ask]:
    """What is asked, by name. The one who is logged in for reading is the busiest person."""
    from django.test import Client

    from accounts.models import User
    from galaxies.listing import PAGE_SIZE
    from galaxies.models import Galaxy, Vote

    listed, made = Galaxy.objects.filter(listed=True).count(), Galaxy.objects.filter(creator=HEAVY).count()
    print(f"{listed:,} listed; the busiest made {made:,} and voted {Vote.objects.filter(person=HEAVY).count():,}")
    visitor, busiest, voter = Client(), Client(), Client()
    busiest.force_login(User.objects.get(pk=HEAVY))
    voter.force_login(User.objects.get(pk=HEAVY + 1))
    galaxies = Galaxy.objects.exclude(votes__person=HEAVY + 1).values_list("public_id", flat=True)
    unvoted = [f"/g/{public_id}/" for public_id in galaxies[: 2 * ROUNDS]]
    to_vote = iter(unvoted)

    def get(client: Client, *addresses: str) -> Ask:
        following = cycle(addresses)
        return lambda: client.get(next(following)).status_code

    def vote() -> int:
        return voter.post(next(to_vote) + "vote", {"value": "like"}, headers={"HX-Request": "true"}).status_code

    families = [f"cluster={each}" for each in range(8)]
    middle = f"/galaxies/?page={listed // (2 * PAGE_SIZE)}"
    return {
        "/galaxies/?order=new": get(visitor, *(f"/galaxies/?page={number}" for number in (1, 2, 3))),
        "/galaxies/?order=best": get(visitor, *(f"/galaxies/?order=best&page={number}" for number in (1, 2, 3))),
        "/galaxies/?order=new&cluster=": get(visitor, *(f"/galaxies/?{each}" for each in families)),
        "/galaxies/?order=best&cluster=": get(visitor, *(f"/galaxies/?order=best&{each}" for each in families)),
        "/galaxies/, logged in": get(busiest, "/galaxies/", "/galaxies/?order=best"),
        middle: get(visitor, middle),
        "/me/": get(busiest, "/me/", "/me/?page=2"),
        "/me/?cluster=&version=": get(busiest, *(f"/me/?version=seeded&{each}" for each in families)),
        "/me/?show=liked": get(busiest, "/me/?show=liked", "/me/?show=liked&page=2"),
        "/me/?show=liked&cluster=": get(busiest, *(f"/me/?show=liked&{each}" for each in families)),
        "/g/<id>/": get(busiest, *unvoted),
        "POST /g/<id>/vote": vote,
    }


def main(folder: str, url: str, galaxies: int, votes: int) -> None:
    setup(folder, url)
    quiet()
    started = time.perf_counter()
    seed(galaxies, votes)
    print(f"{galaxies:,} galaxies, {votes:,} votes, {PEOPLE:,} people in {time.perf_counter() - started:.0f} s")
    good = [measure(name, ask, ROUNDS, LIMIT_MS) for name, ask in requests().items()]
    if not all(good):
        sys.exit(f"A median is above {LIMIT_MS:.0f} ms, or the number of queries varies.")


if __name__ == "__main__":
    asked = arguments(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder, database(asked.postgres) as url:
        main(folder, url, asked.galaxies, asked.galaxies if asked.votes is None else asked.votes)
