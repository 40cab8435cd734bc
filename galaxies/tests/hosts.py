"""Two hosts of one site: gunicorns with data folders of their own, on one PostgreSQL, one Redis and one S3."""

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from nebulai.tests.running import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "galaxies"


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until something holds. Returns: after how many seconds it did."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - began


def free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Host:
    """A gunicorn with a folder of its own; what all hosts share stands in `environment`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"NEBULAI_DATA_DIR": str(folder / "var"), "NEBULAI_MODELS_STORE": str(folder / "store")}
        self.environment = os.environ | environment | own | {"PORT": str(self.port), "OMP_NUM_THREADS": "1"}
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *command: str) -> str:
        """Run a command of manage.py on this host. Returns: what it says."""
        run = [sys.executable, str(ROOT / "manage.py"), *command]
        done = subprocess.run(run, env=self.environment, capture_output=True, text=True)  # noqa: S603
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self) -> None:
        run = [sys.executable, "-m", "gunicorn", "nebulai.wsgi"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                run, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def serves(self, version: str) -> bool:
        """Whether new galaxies come from this version here."""
        assert self.process
        assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).text.strip() == version
        except requests.RequestException:
            return False

    def kill(self) -> None:
        """Let it die at once, as a host does that loses its power."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Visitor:
    """A browser without JavaScript that may be sent to either host."""

    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.headers["Host"] = "localhost"  # what a balancer hands on: the site has one name

    def get(self, host: Host, path: str) -> requests.Response:
        return self.session.get(host.url + path, timeout=60, allow_redirects=False)

    def post(self, host: Host, path: str, **values: str) -> requests.Response:
        self.get(host, "/accounts/login/")
        values["csrfmiddlewaretoken"] = str(self.session.cookies["csrftoken"])
        return self.session.post(host.url + path, data=values, timeout=60, allow_redirects=False)


@contextmanager
def two_hosts(folder: Path) -> Iterator[tuple[Host, Host]]:
    """Two hosts of a prepared site, not started yet. Skips the test where a service cannot be had."""
    with ExitStack() as stack:
        shared = {
            "NEBULAI_DATABASE_URL": stack.enter_context(_postgres()),
            "NEBULAI_CACHE_URL": stack.enter_context(_redis(folder)),
            "NEBULAI_S3_ENDPOINT": stack.enter_context(_s3()),
            "NEBULAI_S3_BUCKET": BUCKET,
            "NEBULAI_SECRET_KEY": "of both hosts, so that a session holds on either",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        hosts = []
        for name in ("one", "two"):
            (folder / name / "store").mkdir(parents=True)
            hosts.append(Host(folder / name, shared))
            stack.callback(hosts[-1].kill)
        yield hosts[0], hosts[1]


@contextmanager
def _postgres() -> Iterator[str]:
    file = ROOT / ".ci" / "postgres.py"
    postgres = runpy.run_path(str(file))
    found = postgres["binaries"]()
    if found is None:
        pytest.skip(postgres["MISSING"])
    with postgres["server"](found) as url:
        yield url


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("There is no Redis server on this machine; on Debian: sudo apt install redis-server")
    port = free_port()
    run = [program, "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        until(lambda: _listens(port))
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    try:
        boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket=BUCKET)
        yield url
    finally:
        server.stop()
