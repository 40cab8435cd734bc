"""Redis is killed, or hangs, while visitors generate, read and log in; then it is back, empty.

    python bench/faults/redis_gone.py --seconds 15

Promise: pages that need no cache go on; what counts by it is 503 in a sentence, within seconds; then all goes on.
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing

from harness import GENERATE, PASSING, PASSWORD, Site, Visitor, answered, arguments, going_on, site, told

LOGIN = {"login": "somebody@example.org", "password": PASSWORD}


class Redis:
    """A server without a memory of its own, at a port that stays the same."""

    def __init__(self) -> None:
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def fail(self, fault: str) -> None:
        self.process.send_signal(signal.SIGKILL if fault == "killed" else signal.SIGSTOP)

    def come_back(self, fault: str) -> None:
        if fault == "killed":
            self.process.wait()
            self.start()
        else:
            self.process.send_signal(signal.SIGCONT)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="of each fault")
    asked = parser.parse_args()
    if not shutil.which("redis-server"):
        sys.exit("There is no redis-server on this machine; on Debian: sudo apt install redis-server")
    redis = Redis()
    # With limits, which are counted in Redis.
    own = {"NEBULAI_CACHE_URL": f"redis://127.0.0.1:{redis.port}/0", "NEBULAI_RATE_LIMITS": "on"}
    try:
        with site(asked.bundle, environment=own) as hurt:
            somebody = Visitor(hurt).sign_up("somebody")
            fine = [
                is_survived(hurt, somebody, redis, fault=fault, seconds=asked.seconds) for fault in ("killed", "hangs")
            ]
    finally:
        redis.process.kill()
    sys.exit(not all(fine))


def is_survived(hurt: Site, somebody: Visitor, redis: Redis, *, fault: str, seconds: float) -> bool:
    """Let the site go through a fault of its Redis, print how it went, and tell whether the promise was kept."""
    maker, reader, guest = Visitor(hurt), Visitor(hurt), Visitor(hurt)
    somebody.answers.clear()
    works = [
        lambda: maker.post("/generate", GENERATE),
        lambda: reader.get("/galaxies/"),
        lambda: somebody.get("/me/"),
        lambda: guest.post("/accounts/login/", LOGIN, "/accounts/login/"),
    ]
    with going_on(works, pause=1.0):
        time.sleep(2)
        redis.fail(fault)
        time.sleep(seconds)
        redis.come_back(fault)
    began = time.monotonic()
    while (answer := Visitor(hurt).post("/generate", GENERATE)) is None or answer.status_code not in (302, 429):
        time.sleep(0.2)
    back = time.monotonic() - began
    everybody = {"POST /generate": maker, "GET /galaxies/": reader, "GET /me/": somebody, "login": guest}
    answers, rough = answered([*everybody.values()]), sum(each.rough for each in everybody.values())
    wrong = hurt.wrong_tallies()
    for name, each in everybody.items():
        print(f"Redis {fault} for {seconds:.0f} s: {name} {dict(each.answers)}, the slowest {each.slowest:.1f} s")
    print(
        f"  {rough} 503 without a sentence; {told(hurt.log)}; back after {back:.1f} s; {wrong} wrong tallies",
        flush=True,
    )
    return answers.keys() <= PASSING and reader.answers.keys() == {"200"} and not rough and not wrong


if __name__ == "__main__":
    main()
