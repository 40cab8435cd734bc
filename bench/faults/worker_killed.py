"""A worker is killed (-9) again and again while visitors generate.

    python bench/faults/worker_killed.py --kills 10

Promise: no half file is served, no row is without recipe, and the site comes back by itself.
"""

import os
import random
import signal
import sys
import threading
import time
from collections import Counter

from harness import Visitor, arguments, is_whole, site

VISITORS = 4
RECIPE = "cluster IS NULL OR seed IS NULL OR psi IS NULL OR model_version_id IS NULL"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--kills", type=int, default=10)
    asked = parser.parse_args()
    moment = random.Random(0)
    with site(asked.bundle, workers=2) as hurt:
        stop = threading.Event()
        visitors = [Visitor(hurt) for _ in range(VISITORS)]

        def generate(visitor: Visitor) -> None:
            while not stop.is_set():
                visitor.post("/generate", {"cluster": "0", "psi": "0.8"})

        threads = [threading.Thread(target=generate, args=[each]) for each in visitors]
        for thread in threads:
            thread.start()
        back = []
        for _ in range(asked.kills):
            time.sleep(moment.uniform(0.3, 3))
            os.kill(moment.choice(hurt.workers()), signal.SIGKILL)
            back.append(hurt.wait())
        stop.set()
        for thread in threads:
            thread.join()
        answers: Counter[str] = sum((each.answers for each in visitors), Counter())
        rows = hurt.rows("SELECT public_id, image FROM galaxies_galaxy")
        without = hurt.rows(f"SELECT count(*) FROM galaxies_galaxy WHERE {RECIPE}")[0][0]  # noqa: S608
        served = [visitors[0].get(f"/g/{public_id}.webp") for public_id, _ in rows]
        halves = sum(each is None or each.status_code != 200 or not is_whole(each.content) for each in served)
        files = [path for path in hurt.media.rglob("*") if path.is_file()]
        stored = {str(hurt.media / str(image)) for _, image in rows}
        stray = [path for path in files if str(path) not in stored]
        lost = sum(not (hurt.media / str(image)).is_file() for _, image in rows)
        tally = hurt.rows("SELECT sum(generated) FROM galaxies_tally")[0][0]
    print(f"{asked.kills} kills, {sum(answers.values())} POST /generate: {dict(answers)}")
    print(f"ready again after {max(back):.1f} s at most; {len(rows)} rows, {without} without recipe; tally {tally}")
    print(
        f"{len(served)} images served, {halves} of them half; {lost} rows without file, {len(stray)} files without row"
    )
    sys.exit(bool(without or halves or tally != len(rows) or answers["500"]))


if __name__ == "__main__":
    main()
