"""A real site in a folder of its own, to be hurt: what the scripts beside this have in common."""

from __future__ import annotations

import argparse
import io
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import requests
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600.0  # seconds until a site must be ready
GENERATE = {"cluster": "0", "psi": "0.8"}
PASSWORD = "a-quiet-night-sky"  # noqa: S105  (protects nothing)
PASSING = {"200", "302", "429", "503"}  # what may be answered while something is away
IN_TALLIES = (
    "SELECT model_version_id, cluster, sum(generated), sum(likes), sum(dislikes) FROM galaxies_tally GROUP BY 1, 2"
)
FROM_SCRATCH = """SELECT model_version_id, cluster, count(DISTINCT galaxies_galaxy.id),
count(CASE WHEN value = 'like' THEN 1 END), count(CASE WHEN value = 'dislike' THEN 1 END)
FROM galaxies_galaxy LEFT JOIN galaxies_vote ON galaxy_id = galaxies_galaxy.id GROUP BY 1, 2"""
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def of_ci(name: str) -> ModuleType:
    """Return a module of .ci/: postgres and services start what a site may stand on."""
    sys.path.append(str(ROOT / ".ci"))
    return import_module(name)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with what every script takes."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="the model to serve; the newest of models_store/ if none is given")
    return parser


class Site:
    """A site in a folder: NEBULAI_DATA_DIR and its store of models are below it.

    environment: variables beside the site's own, or instead of them.
    """

    def __init__(self, folder: Path, bundle: Path | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        bundle = bundle or max(ROOT.glob("models_store/*/manifest.json")).parent
        shutil.copytree(bundle, folder / "store" / bundle.name)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"DATA_DIR": folder / "var", "MODELS_STORE": folder / "store", "RATE_LIMITS": "off"}
        none = dict.fromkeys(["NEBULAI_DATABASE_URL", "NEBULAI_CACHE_URL", "NEBULAI_S3_BUCKET"], "")
        own_names = none | {f"NEBULAI_{name}": str(value) for name, value in own.items()}
        port = {"PORT": str(self.port), "OMP_NUM_THREADS": "1"}
        self.environment: dict[str, str] = os.environ | own_names | port | (environment or {})
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        return self.folder / "var" / "nebulai.sqlite3"

    @property
    def media(self) -> Path:
        return self.folder / "var" / "media"

    def manage(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py to its end."""
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *command], env=self.environment, capture_output=True, text=True
        )
        if check and done.returncode:
            sys.exit(f"manage.py {' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return done

    def start(self, workers: int = 1) -> None:
        """Serve, and wait until a galaxy can be generated."""
        gunicorn = [sys.executable, "-m", "gunicorn", "nebulai.wsgi", "--workers", str(workers)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(gunicorn, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        self.wait()

    def wait(self) -> float:
        """Wait until the site is ready. Returns: seconds."""
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE and self.process and self.process.poll() is None:
            try:
                if requests.get(f"{self.address}/readyz", timeout=5).status_code == 200:
                    return time.monotonic() - began
            except requests.RequestException:
                pass
            time.sleep(0.5)
        sys.exit(f"The site is not ready after {time.monotonic() - began:.0f} s:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None

    def workers(self) -> list[int]:
        """The ids of gunicorn's workers."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(each) for each in children.split()]

    def rows(self, query: str) -> list[tuple[object, ...]]:
        if url := self.environment["NEBULAI_DATABASE_URL"]:
            import psycopg

            with psycopg.connect(url) as connection:
                return connection.execute(query).fetchall()
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            return connection.execute(query).fetchall()

    def wrong_tallies(self) -> int:
        """How many families' tallies differ from what is counted from scratch."""
        return len(set(self.rows(IN_TALLIES)) ^ set(self.rows(FROM_SCRATCH)))

    def galaxies(self) -> list[str]:
        """The ids of all galaxies."""
        return [str(row[0]) for row in self.rows("SELECT public_id FROM galaxies_galaxy ORDER BY id")]


@contextmanager
def site(
    bundle: Path | None, workers: int = 1, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """A prepared site that serves, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = Site(Path(place), bundle, environment)
        made.manage("prepare")
        try:
            made.start(workers)
            yield made
        finally:
            made.stop()


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, site: Site) -> None:
        self.site, self.session = site, requests.Session()
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        self.rough = 0  # answers of 503 without a sentence

    def sign_up(self, name: str) -> Visitor:
        """Get an account, and be logged in."""
        person = {"email": f"{name}@example.org", "password1": PASSWORD, "password2": PASSWORD}
        answer = self.post("/accounts/signup/", person, "/accounts/signup/")
        if answer is None or answer.status_code != 302:
            sys.exit(f"Nobody can sign up: {answer}")
        self.answers.clear()
        return self

    def vote(self, galaxy: str, value: str) -> bool:
        """Vote for a galaxy. Returns: whether the answer said that the vote is cast."""
        answer = self.post(f"/g/{galaxy}/vote", {"value": value, "shown": ""}, f"/g/{galaxy}/")
        return answer is not None and answer.status_code == 302

    def get(self, path: str, timeout: float = 90) -> requests.Response | None:
        """Ask for a page. Returns: None if there was no answer."""
        return self._count(self._ask("GET", path, timeout=timeout))

    def post(
        self, path: str, values: dict[str, str], page: str = "/", *, files: Any = None, timeout: float = 90
    ) -> requests.Response | None:
        """Send a form, with the token of a page. Returns: None for no answer; the page's own if it has no token."""
        found = self._ask("GET", page, timeout=timeout)
        token = TOKEN.search(found.text) if found is not None else None
        if token is None:
            return self._count(found)
        form = values | {"csrfmiddlewaretoken": token[1]}
        return self._count(self._ask("POST", path, data=form, files=files, timeout=timeout))

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response | None:
        began = time.monotonic()
        try:
            return self.session.request(method, self.site.address + path, allow_redirects=False, **options)
        except requests.RequestException:
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - began)

    def _count(self, answer: requests.Response | None) -> requests.Response | None:
        self.answers["none" if answer is None else str(answer.status_code)] += 1
        self.rough += answer is not None and answer.status_code == 503 and 'id="problem"' not in answer.text
        return answer


@contextmanager
def going_on(works: Sequence[Callable[[], object]], pause: float = 0.0) -> Iterator[None]:
    """Do each work in a thread of its own, again and again, until the block ends and all have come to an end."""
    stop = threading.Event()

    def repeat(work: Callable[[], object]) -> None:
        while not stop.is_set():
            work()
            stop.wait(pause)

    threads = [threading.Thread(target=repeat, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def answered(visitors: Sequence[Visitor]) -> Counter[str]:
    """All answers that visitors got, by status; "none" where there was none."""
    return sum((each.answers for each in visitors), Counter())


def is_whole(content: bytes) -> bool:
    """Whether an image can be read to its last pixel."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def told(log: Path) -> str:
    """How many tracebacks stand in a log, and of which errors."""
    text = log.read_text(errors="replace")
    ends = re.findall(r"^Traceback \(most recent call last\):\n(?:^[ \t].*\n|^\n)*^(\S.*)$", text, re.MULTILINE)
    kinds = ", ".join(sorted({end[:100] for end in ends}))
    return f"{text.count('Traceback (most recent call last)')} tracebacks in the log{kinds and f' ({kinds})'}"
