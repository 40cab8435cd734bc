"""PostgreSQL is restarted again and again, also as after a crash, while people vote, generate and read.

    python bench/faults/postgres_restarted.py --restarts 6

Promise: every vote that was told is stored, tallies are what they count, and the site goes on by itself.
"""

import itertools
import random
import sys
import time

from harness import GENERATE, PASSING, Visitor, answered, arguments, going_on, of_ci, site, told

PEOPLE, GALAXIES = 4, 60

postgres = of_ci("postgres")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--restarts", type=int, default=6)
    asked = parser.parse_args()
    bin, moment = postgres.binaries(), random.Random(0)
    if bin is None:
        sys.exit(postgres.MISSING)
    with (
        postgres.server(bin, synchronous_commit="on") as url,  # off, it may tell a vote and lose it in its crash
        site(asked.bundle, workers=2, environment={"NEBULAI_DATABASE_URL": url}) as hurt,
    ):
        first = Visitor(hurt)
        while len(hurt.galaxies()) < GALAXIES:
            first.post("/generate", GENERATE | {"count": "9"})
        galaxies = hurt.galaxies()
        people = [Visitor(hurt).sign_up(f"person{number}") for number in range(PEOPLE)]
        said: list[set[tuple[int, str]]] = [set() for _ in people]
        turns = [itertools.cycle(galaxies) for _ in people]
        maker, reader = Visitor(hurt), Visitor(hurt)

        def vote(number: int) -> None:
            galaxy = next(turns[number])
            if (number, galaxy) not in said[number] and people[number].vote(galaxy, "like"):
                said[number].add((number, galaxy))
            time.sleep(0.02)

        works = [lambda number=number: vote(number) for number in range(PEOPLE)]
        works += [lambda: maker.post("/generate", GENERATE), lambda: reader.get("/galaxies/")]
        back = []
        with going_on(works):
            for number in range(asked.restarts):
                time.sleep(moment.uniform(1, 4))
                mode = ("fast", "immediate")[number % 2]
                postgres.run(postgres.folder_of(url), bin / "pg_ctl", "restart", "--wait", f"--mode={mode}")
                began = time.monotonic()
                while (answer := Visitor(hurt).get("/galaxies/")) is None or answer.status_code != 200:
                    time.sleep(0.1)
                back.append(time.monotonic() - began)
            time.sleep(2)
        emails = "SELECT email, public_id FROM galaxies_vote v JOIN galaxies_galaxy g ON g.id = v.galaxy_id "
        stored = set(hurt.rows(emails + "JOIN accounts_user u ON u.id = v.person_id"))
        votes = {(f"person{number}@example.org", galaxy) for each in said for number, galaxy in each}
        everybody = [*people, maker, reader]
        answers, wrong, rows = answered(everybody), hurt.wrong_tallies(), len(hurt.galaxies())
        tracebacks = told(hurt.log)
    rough = sum(each.rough for each in everybody)
    print(f"{asked.restarts} restarts, half of them as after a crash: {dict(answers)}, {rough} 503 without a sentence")
    print(f"the gallery is back {max(back):.1f} s after PostgreSQL at most; {tracebacks}")
    print(f"{len(votes)} votes told, {len(stored)} stored, {len(votes - stored)} told and lost")
    print(f"{rows - len(galaxies)} galaxies, {maker.answers['302']} told; {wrong} families with wrong tallies")
    lost = votes - stored or rows - len(galaxies) < maker.answers["302"]
    sys.exit(bool(answers.keys() - PASSING or rough or lost or wrong))


if __name__ == "__main__":
    main()
