"""How a command reaches a Ray cluster.

with connected("auto"):         # the cluster of this node; "host:6379" of several, "local" for one of its own
    ...
"""

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings

LOCAL = "local"
KNOCK_SECONDS = 5.0


class ClusterError(Exception):
    """The cluster cannot be used; the message says why, and what to do."""


@contextmanager
def connected(address: str, *, cpus: int | None = None) -> Iterator[None]:
    """Connect to the cluster at an address until the block ends. cpus: of a local one, all if None.

    Its nodes need this checkout at this path, or the same image. Raises: ClusterError.
    """
    if find_spec("ray") is None:
        raise ClusterError('Ray is not installed: .venv/bin/pip install "ray[serve,train]".')
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    # `ray start` asks for a token that is there, yet Ray shows it to no cluster unless told so before it is imported.
    if "ray" not in sys.modules and _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    import ray

    _knock(address)
    local: dict[str, Any] = {"num_cpus": cpus, "include_dashboard": False} if address == LOCAL else {}
    # What a worker imports lies beside manage.py, and not among the installed packages.
    environment = {"env_vars": {"PYTHONPATH": str(settings.BASE_DIR)}}
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=environment, **local)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _none(address, error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _has_token() -> bool:
    """Whether `ray start` would find a token in this account: a local cluster leaves one, too."""
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token"
    return "RAY_AUTH_TOKEN" in os.environ or Path(file).is_file()


def _knock(address: str) -> None:
    """Raise ClusterError if nothing listens at host:port, which Ray itself would wait for without end."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        try:
            socket.create_connection((host, int(port)), KNOCK_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _none(address, error) from error


def _none(address: str, error: Exception) -> ClusterError:
    return ClusterError(
        f"There is no Ray cluster at {address} ({error}): start one, name another, or give this account its token."
    )


def threads(cpus: int) -> dict[str, Any]:
    """Return the runtime environment in which TensorFlow uses `cpus` threads, and so leaves a node's others alone."""
    return {"env_vars": {"TF_NUM_INTRAOP_THREADS": str(cpus), "TF_NUM_INTEROP_THREADS": "1"}}
