"""The machine's clock is moved back by hours, and forward again, while people vote and generate. Needs libfaketime.

    sudo apt install libfaketime; python bench/faults/clock_moved.py

Promise: everybody stays logged in, votes told are stored, tallies are what they count, and nothing fails.
"""

import itertools
import sys
import tempfile
import time
from pathlib import Path

from harness import GENERATE, PASSING, PASSWORD, Visitor, answered, arguments, going_on, site, told

MOVES = ["-2h", "+0", "-26h", "+3h", "+0"]  # what the site's clock shows beside the real one
LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="after each move")
    asked = parser.parse_args()
    library = next(Path("/").glob(LIBRARY.lstrip("/")), None)
    if library is None:
        sys.exit("There is no libfaketime on this machine; on Debian: sudo apt install libfaketime")
    with tempfile.TemporaryDirectory() as place:
        clock = Path(place, "clock")
        clock.write_text("+0")
        # Read anew at each look; what only measures how long something takes is left alone, as a moved clock leaves it.
        faked = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1"}
        faked |= {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        with site(asked.bundle, workers=2) as hurt:
            hurt.stop()
            hurt.environment |= faked
            hurt.start(workers=2)
            first = Visitor(hurt)
            for _ in range(8):
                first.post("/generate", GENERATE | {"count": "9"})
            turns = itertools.cycle(hurt.galaxies())
            voter, maker, guest = Visitor(hurt).sign_up("voter"), Visitor(hurt), Visitor(hurt)
            cast: set[str] = set()

            def vote() -> None:
                galaxy = next(turns)
                if galaxy not in cast and voter.vote(galaxy, "like"):
                    cast.add(galaxy)

            login = {"login": "voter@example.org", "password": PASSWORD}
            works = [
                vote,
                lambda: maker.post("/generate", GENERATE),
                lambda: guest.post("/accounts/login/", login, "/accounts/login/"),
            ]
            shown = []
            with going_on(works, pause=0.1):
                for move in MOVES:
                    clock.write_text(move)
                    time.sleep(asked.seconds)
                    shown.append(str(hurt.rows("SELECT max(created) FROM galaxies_galaxy")[0][0])[:16])
            me = voter.get("/me/")
            stored = {str(row[0]) for row in hurt.rows(
                "SELECT public_id FROM galaxies_vote JOIN galaxies_galaxy g ON g.id = galaxy_id")}  # fmt: skip
            days = len(hurt.rows("SELECT DISTINCT day FROM galaxies_tally"))
            wrong, tracebacks = hurt.wrong_tallies(), told(hurt.log)
    everybody = [voter, maker, guest]
    answers, rough = answered(everybody), sum(each.rough for each in everybody)
    status = me.status_code if me is not None else "none"
    print(f"clock at {', '.join(MOVES)}: {dict(answers)}, {rough} 503 without a sentence; {tracebacks}")
    print(f"{len(cast)} votes told, {len(cast - stored)} lost; tallies of {days} days, {wrong} wrong; /me/ {status}")
    print(f"the newest galaxy's time after each move: {', '.join(shown)}")
    sys.exit(bool(answers.keys() - PASSING or cast - stored or wrong or rough or status != 200 or days < 2))


if __name__ == "__main__":
    main()
