"""A real site in processes of its own, as production has it: gunicorn on a port, and all that it writes in a file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings

PATIENCE = 300.0  # seconds: TensorFlow takes five to be loaded, and minutes where six others load it
SECRET_KEY = "7sD0c_9kqLr2mTzX4vB8nW1yE5uH6jP3aFgKiOqRsVxZtCdMbN"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until(condition: Callable[[], bool], why: Callable[[], str] = lambda: "it took too long") -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(why())
        time.sleep(0.1)


@dataclass
class Site:
    """A production site: its folder, what differs in its environment, and gunicorn's arguments."""

    folder: Path
    models_store: Path
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: each for name, each in os.environ.items() if not name.startswith(("NEBULAI_", "DJANGO_"))}
        own = {
            "NEBULAI_DEBUG": "0",
            "NEBULAI_SECRET_KEY": SECRET_KEY,
            "NEBULAI_ALLOWED_HOSTS": "galaxies.example",
            "NEBULAI_DATA_DIR": str(self.folder / "var"),
            "NEBULAI_MODELS_STORE": str(self.models_store),
            "PORT": str(self.port),
        }
        return clean | own | self.variables

    def manage(self, *command: str) -> str:
        """Run a command of manage.py to its end. Returns: what it said."""
        run = [sys.executable, "manage.py", *command]
        done = subprocess.run(  # noqa: S603
            run, cwd=settings.BASE_DIR, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def served(self, *arguments: str, path: str = "/readyz") -> Iterator["subprocess.Popen[bytes]"]:
        """Serve until the block ends, which begins once a page is 200: by default, once the model is loaded."""
        gunicorn = [sys.executable, "-m", "gunicorn", "nebulai.wsgi", *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                gunicorn, cwd=settings.BASE_DIR, env=self.environment, stdout=log, stderr=log
            )
        try:
            until(lambda: self.answers(path) or process.poll() is not None, self.log.read_text)
            assert process.poll() is None, self.log.read_text()
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()

    def answers(self, path: str) -> bool:
        try:
            return self.ask(path)[0] == 200
        except OSError:
            return False

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as the site's proxy would. Returns: status, headers and body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Host": "galaxies.example"} | (headers or {}))
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()
