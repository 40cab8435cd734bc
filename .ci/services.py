"""Run a command beside a private Redis and an S3 of a package, both gone afterwards.

.venv/bin/python .ci/services.py COMMAND...     with NEBULAI_CACHE_URL and NEBULAI_S3_* set; returns COMMAND's status

Where there is no redis-server, the cache stays what it was, and a line says so.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from postgres import run_beside

MISSING = "There is no redis-server on this machine, on Debian: sudo apt install redis-server. Going on without."
PATIENCE = 30.0  # seconds until Redis must listen
KEYS = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing", "AWS_EC2_METADATA_DISABLED": "true"}
REGION, BUCKET = "us-east-1", "galaxies"


@contextmanager
def redis() -> Iterator[dict[str, str]]:
    """A running Redis that answers on a socket in a folder of its own; gives the setting that names it."""
    program = shutil.which("redis-server")
    if program is None:
        sys.stderr.write(MISSING + "\n")
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="nebulai-redis-") as folder:
        socket = Path(folder, "socket")
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", folder]
        with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as server:  # noqa: S603
            try:
                deadline = time.monotonic() + PATIENCE
                while not socket.exists():
                    if server.poll() is not None or time.monotonic() > deadline:
                        sys.exit("redis-server does not start.")
                    time.sleep(0.05)
                yield {"NEBULAI_CACHE_URL": f"unix://{socket}"}
            finally:
                server.terminate()


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """A running S3 with an empty bucket, in memory; gives the settings and keys that lead to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=address,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield KEYS | {"NEBULAI_S3_BUCKET": BUCKET, "NEBULAI_S3_ENDPOINT": address, "NEBULAI_S3_REGION": REGION}
    finally:
        server.stop()


@contextmanager
def both() -> Iterator[dict[str, str]]:
    """Both at once; gives the settings of both."""
    with redis() as cache, s3() as bucket:
        yield cache | bucket


if __name__ == "__main__":
    sys.exit(run_beside(both(), sys.argv[1:]))
