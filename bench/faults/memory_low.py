"""A worker gets no more memory than it has, and a little, while many visitors generate at once.

    python bench/faults/memory_low.py --room 40      # MB

Promise: a batch that finds no memory is halved until it fits, or is 503 in a sentence; with memory again all goes on.
"""

import resource
import sys
import time
from pathlib import Path

from harness import GENERATE, PASSING, Visitor, answered, arguments, going_on, is_whole, site, told

VISITORS = 8


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--room", type=int, default=40, help="MB beyond what the worker has")
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args()
    with site(asked.bundle) as hurt:
        Visitor(hurt).post("/generate", GENERATE | {"count": "9"})
        worker = hurt.workers()[0]
        visitors = [Visitor(hurt) for _ in range(VISITORS)]
        works = [lambda each=each: each.post("/generate", GENERATE | {"count": "9"}) for each in visitors]
        with going_on(works):
            time.sleep(2)
            has = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
            resource.prlimit(worker, resource.RLIMIT_AS, (has + asked.room * 2**20, resource.RLIM_INFINITY))
            time.sleep(asked.seconds)
            alive = worker in hurt.workers()
            if alive:
                resource.prlimit(worker, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        began, back = time.monotonic(), Visitor(hurt)
        while (answer := back.post("/generate", GENERATE)) is None or answer.status_code != 302:
            time.sleep(0.5)
        seconds = time.monotonic() - began
        pictures = [back.get(f"/g/{each}.webp") for each in hurt.galaxies()]
        whole = sum(each is not None and is_whole(each.content) for each in pictures)
        wrong, tracebacks = hurt.wrong_tallies(), told(hurt.log)
    answers, rough = answered(visitors), sum(each.rough for each in visitors)
    print(f"{asked.room} MB of room for {asked.seconds:.0f} s: {dict(answers)}, {rough} 503 without a sentence")
    print(f"{tracebacks}; the worker {'lived on' if alive else 'died, and another took its place'}; ", end="")
    print(f"generated again after {seconds:.1f} s")
    print(f"{len(pictures)} rows, {whole} whole images, {wrong} wrong tallies")
    unheard = set() if alive else {"none"}  # by a process that died
    sys.exit(bool(answers.keys() - PASSING - unheard or rough or wrong or whole != len(pictures)))


if __name__ == "__main__":
    main()
