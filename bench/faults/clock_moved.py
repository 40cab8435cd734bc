"""The machine's clock is moved back by hours, and forward again, while people vote and generate. Needs a C compiler.

    python bench/faults/clock_moved.py

Promise: everybody stays logged in, votes told are stored, tallies are what they count, and nothing fails.
"""

import itertools
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import GENERATE, PASSING, PASSWORD, Visitor, answered, arguments, going_on, site, told

MOVES = [-2, 0, -26, 3, 0]  # hours that the site's clock is off
SOURCE = Path(__file__).with_name("clock.c")


def move(clock: Path, hours: int) -> None:
    """Write where a running site looks, in place, by how much its clock is off."""
    with clock.open("r+b") as file:
        file.write(struct.pack("l", 3600 * hours))


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="after each move")
    asked = parser.parse_args()
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("There is no C compiler on this machine; on Debian: sudo apt install gcc")
    with tempfile.TemporaryDirectory() as place:
        clock, library = Path(place, "clock"), Path(place, "clock.so")
        subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
        clock.write_bytes(struct.pack("l", 0))
        moved = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(clock)}
        with site(asked.bundle, workers=2) as hurt:
            hurt.stop()
            hurt.environment |= moved
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
                for hours in MOVES:
                    move(clock, hours)
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
    print(f"clock off by {MOVES} hours: {dict(answers)}, {rough} 503 without a sentence; {tracebacks}")
    print(f"{len(cast)} votes told, {len(cast - stored)} lost; tallies of {days} days, {wrong} wrong; /me/ {status}")
    print(f"the newest galaxy's time after each move: {', '.join(shown)}")
    sys.exit(bool(answers.keys() - PASSING or cast - stored or wrong or rough or status != 200 or days < 2))


if __name__ == "__main__":
    main()
