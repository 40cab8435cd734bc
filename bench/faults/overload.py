"""Mixed traffic on a site of its own, at twice what it sustains.

    python bench/faults/overload.py --minutes 30

First it is measured how many requests a second the site answers when its visitors do not wait; then people browse,
generate, vote, play, upload and look at the dashboard at twice that rate (or at --rate). Fails if an answer is none of
those expected, 429 and 503, if a vote that was told is not stored, if tallies are wrong, or if memory grows.
"""

import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from random import Random
from statistics import median, quantiles

import h5py
import numpy as np
from harness import GENERATE, ROOT, Site, Visitor, arguments, of_ci, site, told
from PIL import Image

SHARES = {"browse": 40, "image": 20, "generate": 12, "grid": 3, "vote": 15, "quiz": 4, "dashboard": 4, "upload": 2}
DECLARED = {"200", "302", "429", "503"}
CALM_SECONDS = 30.0
SAMPLE_SECONDS = 5.0
GROWTH = 1.15  # of memory, from the second quarter to the last
SEEDED = 90
STAFF = 4  # one client in so many may see the dashboard, others are told 403


class Client(Visitor):
    """Somebody with an address of their own, an account, and votes that they cast once each."""

    def __init__(self, site: Site, number: int) -> None:
        super().__init__(site)
        self.session.headers["X-Forwarded-For"] = f"10.0.{number // 250}.{number % 250 + 1}"
        self.number, self.random = number, Random(number)
        self.cast: set[str] = set()
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.statuses: dict[str, Counter[str]] = defaultdict(Counter)

    def do(self, kind: str, galaxies: list[str]) -> None:
        """Do one thing and note how long it took and what was answered."""
        self.answers.clear()
        began = time.monotonic()
        getattr(self, kind)(self.random.choice(galaxies))
        self.seconds[kind].append(time.monotonic() - began)
        self.statuses[kind] += self.answers

    def browse(self, galaxy: str) -> None:
        pages = ["/", "/galaxies/", "/galaxies/?order=best", "/model/", "/about/", "/me/", f"/g/{galaxy}/"]
        self.get(self.random.choice(pages))

    def image(self, galaxy: str) -> None:
        self.get(f"/g/{galaxy}.webp")

    def generate(self, galaxy: str) -> None:
        self.post("/generate", GENERATE)

    def grid(self, galaxy: str) -> None:
        self.post("/generate", GENERATE | {"count": "9"})

    def vote_for(self, galaxy: str) -> None:
        if galaxy not in self.cast and self.vote(galaxy, self.random.choice(["like", "dislike"])):
            self.cast.add(galaxy)

    def quiz(self, galaxy: str) -> None:
        begun = self.post("/quiz/", {}, "/quiz/")
        if begun is not None and begun.status_code == 302:
            self.get(begun.headers["Location"])
            self.get(f"{begun.headers['Location']}1.webp")
            self.post(f"{begun.headers['Location']}1", {"answer": "real"}, begun.headers["Location"])

    def dashboard(self, galaxy: str) -> None:
        self.get(self.random.choice(["/dashboard/", "/dashboard/history/", "/dashboard/models/"]))

    def upload(self, galaxy: str) -> None:
        pixels = np.random.default_rng(self.random.randrange(2**32)).integers(0, 255, (128, 128, 3), np.uint8)
        picture = BytesIO()
        Image.fromarray(pixels).save(picture, "PNG")
        self.post("/upload/", {}, "/upload/", files={"picture": ("a.png", picture.getvalue())})


class Crowd:
    """Clients that do one thing after another; at a rate, or without a pause."""

    def __init__(self, clients: list[Client], galaxies: Callable[[], list[str]]) -> None:
        self.clients, self.galaxies = clients, galaxies
        self.memory: list[float] = []

    def act(self, seconds: float, rate: float | None) -> float:
        """Let all act for so long. Returns: how many things they did a second."""
        kinds, weights, number = list(SHARES), list(SHARES.values()), len(self.clients)
        galaxies, began = self.galaxies(), time.monotonic()
        done: Counter[int] = Counter()

        def live(client: Client) -> None:
            while (now := time.monotonic() - began) < seconds:
                due = (done[client.number] * number + client.number) / rate if rate else 0.0
                if due > now:
                    time.sleep(min(due - now, seconds - now))
                    continue
                kind = client.random.choices(kinds, weights)[0]
                client.do("vote_for" if kind == "vote" else kind, galaxies)
                done[client.number] += 1

        threads = [threading.Thread(target=live, args=[client]) for client in self.clients]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(SAMPLE_SECONDS)
            self.memory.append(resident(self.clients[0].site))
            galaxies[:] = self.galaxies()
        return done.total() / (time.monotonic() - began)


def resident(site: Site) -> float:
    """Return the memory that the workers hold, in MB; 0 while one is started again."""
    found = 0
    for worker in site.workers():
        status = Path(f"/proc/{worker}/status")
        found += sum(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return found / 1024


def photographs(file: Path) -> None:
    """Write drawn galaxies for the quiz, as a file of photographs."""
    sys.path.insert(0, str(ROOT))
    from galaxies.ml.data.dataset import CROP
    from galaxies.ml.data.synthetic import dataset

    with h5py.File(file, "w") as target:
        target["images"] = dataset(200, CROP, seed=1).images


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, help="things a second, instead of twice what the site sustains")
    parser.add_argument("--clients", type=int, default=48)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--postgres", action="store_true", help="on a private PostgreSQL instead of SQLite")
    asked = parser.parse_args()
    postgres = of_ci("postgres")
    server = postgres.server(postgres.binaries()) if asked.postgres else nullcontext("")
    with tempfile.TemporaryDirectory() as place, server as url:
        photographs(Path(place, "photographs.h5"))
        own = {"NEBULAI_QUIZ_IMAGES": f"{place}/photographs.h5", "NEBULAI_DATABASE_URL": url}
        own |= {"NEBULAI_RATE_LIMITS": "on", "NEBULAI_TRUSTED_PROXY_COUNT": "1"}
        with site(asked.bundle, workers=asked.workers, environment=own) as loaded:
            fine = is_borne(loaded, asked.clients, 60 * asked.minutes, asked.rate)
    sys.exit(not fine)


def is_borne(loaded: Site, number: int, seconds: float, rate: float | None) -> bool:
    """Put the load on a site, print how it went, and tell whether it was borne."""
    clients = [Client(loaded, each) for each in range(number)]
    for client in clients:
        client.sign_up(f"person{client.number}")
    staff = [f"person{each}@example.org" for each in range(0, number, STAFF)]
    promote = f"User.objects.filter(email__in={staff}).update(is_staff=True, is_superuser=True)"
    loaded.manage("shell", "--command", f"from accounts.models import User; {promote}")
    while len(loaded.galaxies()) < SEEDED:
        clients[0].post("/generate", GENERATE | {"count": "9"})
    crowd = Crowd(clients, loaded.galaxies)
    calm = crowd.act(CALM_SECONDS, None)
    for client in clients:
        client.seconds.clear()
        client.statuses.clear()
    crowd.memory.clear()
    reached = crowd.act(seconds, rate or 2 * calm)
    loaded.wait()
    began = time.monotonic()
    after = clients[0].post("/generate", GENERATE)
    print(
        f"sustained {calm:.1f} a second; {rate or 2 * calm:.1f} asked for, {reached:.1f} done, {seconds / 60:.0f} min"
    )
    fair = show(clients)
    quarter = max(1, len(crowd.memory) // 4)
    early, late = median(crowd.memory[quarter : 2 * quarter] or crowd.memory), median(crowd.memory[-quarter:])
    print(f"memory: {crowd.memory[0]:.0f} MB at first, {early:.0f} in the second quarter, {late:.0f} in the last")
    votes = "SELECT email, public_id FROM galaxies_vote v JOIN galaxies_galaxy g ON g.id = v.galaxy_id "
    stored = set(loaded.rows(votes + "JOIN accounts_user u ON u.id = v.person_id"))
    cast = {(f"person{client.number}@example.org", galaxy) for client in clients for galaxy in client.cast}
    wrong, status = loaded.wrong_tallies(), after.status_code if after is not None else "none"
    lost, rows = len(cast - stored), len(loaded.galaxies())
    print(f"{rows} galaxies, {len(cast)} votes told, {lost} of them lost, {wrong} wrong tallies")
    print(f"afterwards a galaxy in {time.monotonic() - began:.1f} s ({status}); {told(loaded.log)}")
    return fair and not lost and not wrong and late < GROWTH * early and status == 302


def show(clients: list[Client]) -> bool:
    """Print what was answered to each kind of thing, and how fast. Returns: whether all of it is declared."""
    fair = True
    for kind in ("vote_for" if each == "vote" else each for each in SHARES):
        seconds = [each for client in clients for each in client.seconds[kind]]
        statuses: Counter[str] = sum((client.statuses[kind] for client in clients), Counter())
        fair &= statuses.keys() <= (DECLARED | ({"403"} if kind == "dashboard" else set()))
        tail = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else 0.0
        middle = median(seconds) if seconds else 0.0
        print(f"  {kind:10} {len(seconds):6,} times, median {middle:5.2f} s, 95% {tail:5.2f} s: {dict(statuses)}")
    return fair


if __name__ == "__main__":
    main()
