"""A real site in a folder of its own, to be hurt: what the scripts beside this have in common."""

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
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import requests
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 180.0  # seconds until a site must be ready
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with what every script takes."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="the model to serve; the newest of models_store/ if none is given")
    return parser


class Site:
    """A site in a folder: NEBULAI_DATA_DIR and its store of models are below it."""

    def __init__(self, folder: Path, bundle: Path | None = None) -> None:
        self.folder = folder
        bundle = bundle or max(ROOT.glob("models_store/*/manifest.json")).parent
        shutil.copytree(bundle, folder / "store" / bundle.name)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        own = {"DATA_DIR": folder / "var", "MODELS_STORE": folder / "store", "RATE_LIMITS": "off", "DATABASE_URL": ""}
        own_names = {f"NEBULAI_{name}": str(value) for name, value in own.items()}
        self.environment = os.environ | own_names | {"PORT": str(self.port), "OMP_NUM_THREADS": "1"}
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
        while time.monotonic() - began < PATIENCE:
            try:
                if requests.get(f"{self.address}/readyz", timeout=5).status_code == 200:
                    return time.monotonic() - began
            except requests.RequestException:
                pass
            time.sleep(0.5)
        sys.exit(f"The site is not ready after {PATIENCE:.0f} s:\n{self.log.read_text()[-2000:]}")

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
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            return connection.execute(query).fetchall()


@contextmanager
def site(bundle: Path | None, workers: int = 1, folder: Path | None = None) -> Iterator[Site]:
    """A prepared site that serves, gone afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = Site(Path(place), bundle)
        made.manage("prepare")
        made.start(workers)
        try:
            yield made
        finally:
            made.stop()


class Visitor:
    """A browser without JavaScript."""

    def __init__(self, site: Site) -> None:
        self.site, self.session = site, requests.Session()
        self.answers: Counter[str] = Counter()

    def get(self, path: str, timeout: float = 90) -> requests.Response | None:
        return self._ask("GET", path, {}, timeout)

    def post(self, path: str, values: dict[str, str], page: str = "/", timeout: float = 90) -> requests.Response | None:
        """Send a form, with the token of a page. Returns: None if there was no answer."""
        found = self._ask("GET", page, {}, timeout, count=False)
        token = TOKEN.search(found.text) if found is not None else None
        return self._ask("POST", path, values | {"csrfmiddlewaretoken": token[1] if token else ""}, timeout)

    def _ask(
        self, method: str, path: str, values: dict[str, str], timeout: float, *, count: bool = True
    ) -> requests.Response | None:
        try:
            answer = self.session.request(
                method, self.site.address + path, data=values or None, timeout=timeout, allow_redirects=False
            )
        except requests.RequestException:
            answer = None
        if count:
            self.answers["none" if answer is None else str(answer.status_code)] += 1
        return answer


def is_whole(content: bytes) -> bool:
    """Whether an image can be read to its last pixel."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def told(log: Path) -> str:
    """How many tracebacks stand in a log."""
    return f"{log.read_text(errors='replace').count('Traceback (most recent call last)')} tracebacks in the log"
