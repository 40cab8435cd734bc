"""The S3 with the images is gone, hangs, or is slow, while visitors generate and look; then it is back.

    python bench/faults/storage_gone.py --seconds 20

Promise: pages without images go on; what needs the storage is 503 in a sentence, within seconds; then all goes on.
"""

import sys
import time
from urllib.parse import urlsplit

from gate import Gate, gate
from harness import GENERATE, PASSING, Site, Visitor, answered, arguments, going_on, is_whole, of_ci, site, told

services = of_ci("services")

FAULTS = {"gone": (True, 0.0), "hangs": (False, 3600.0), "slow": (False, 0.5)}  # whether the gate is shut, delay in s


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each fault")
    asked = parser.parse_args()
    with services.s3() as environment:
        place = urlsplit(environment["NEBULAI_S3_ENDPOINT"])
        with gate(str(place.hostname), int(place.port or 0)) as door:
            own = environment | {"NEBULAI_S3_ENDPOINT": f"http://127.0.0.1:{door.port}"}
            with site(asked.bundle, environment=own) as hurt:
                fine = [is_survived(hurt, door, fault, asked.seconds) for fault in FAULTS]
    sys.exit(not all(fine))


def is_survived(hurt: Site, door: Gate, fault: str, seconds: float) -> bool:
    """Let a site go through a fault of its storage, print how it went, and tell whether the promise was kept."""
    Visitor(hurt).post("/generate", GENERATE)
    first = hurt.galaxies()[0]
    makers, reader, viewer = [Visitor(hurt) for _ in range(3)], Visitor(hurt), Visitor(hurt)
    works = [lambda each=each: each.post("/generate", GENERATE) for each in makers]
    works += [lambda: reader.get("/galaxies/"), lambda: viewer.get(f"/g/{first}.webp")]
    with going_on(works, pause=0.1):
        door.is_shut, door.wait = FAULTS[fault]
        time.sleep(seconds)
        door.is_shut, door.wait = False, 0.0
    began, back = time.monotonic(), Visitor(hurt)
    while (answer := back.post("/generate", GENERATE)) is None or answer.status_code != 302:
        time.sleep(0.2)
    returned = time.monotonic() - began
    pictures = [back.get(f"/g/{each}.webp") for each in hurt.galaxies()]
    whole = sum(each is not None and is_whole(each.content) for each in pictures)
    wrong, everybody = hurt.wrong_tallies(), [*makers, reader, viewer]
    rough, slowest = sum(each.rough for each in everybody), max(each.slowest for each in makers)
    print(f"S3 {fault} for {seconds:.0f} s: POST /generate {dict(answered(makers))}, the slowest {slowest:.1f} s")
    print(f"  GET /galaxies/ {dict(reader.answers)}, {reader.slowest:.1f} s; an image {dict(viewer.answers)}, ", end="")
    print(f"{viewer.slowest:.1f} s; {rough} 503 without a sentence, {told(hurt.log)}")
    print(f"  stored again after {returned:.1f} s; {len(pictures)} rows, {whole} whole images, {wrong} wrong tallies")
    fair = answered(everybody).keys() <= PASSING and reader.answers.keys() == {"200"} and not rough
    return fair and not wrong and whole == len(pictures)


if __name__ == "__main__":
    main()
