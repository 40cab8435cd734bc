"""How gunicorn serves the site. Without preload: TensorFlow does not survive a fork, so each worker loads its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from nebulai import env, logs

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
threads = 16
timeout = 60
graceful_timeout = 20
# Longer than a proxy keeps a connection that it may use again (deploy/): else a request meets one that is just closed.
keepalive = 75
preload_app = False
control_socket_disable = True  # it would lie in the home directory, and the site writes to its data folder alone
# The site logs its requests itself. Whoever wants gunicorn's list, too, gets it without who asked, and without queries.
access_log_format = "%(m)s %(U)s %(s)s %(B)s bytes %(L)s s"
# gunicorn's heartbeat must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Where its processes put together what /metrics tells: in memory, a folder for each start.
FOLDER, MARK = "PROMETHEUS_MULTIPROC_DIR", f"nebulai-metrics-{os.getpid()}-"
if MARK not in os.environ.get(FOLDER, "") and (env.text("NEBULAI_METRICS_KEY") or env.text("NEBULAI_METRICS_KEY_FILE")):
    os.environ[FOLDER] = tempfile.mkdtemp(prefix=MARK, dir=worker_tmp_dir)


class HiddenLogger(Logger):
    """gunicorn's, whose lines are written as all others are."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(logs.formatter(as_json=env.production()))


logger_class = HiddenLogger


def on_starting(server: Any) -> None:
    """A site with a wrong setting or a damaged model says so in one sentence and does not start."""
    command = [sys.executable, str(Path(__file__).with_name("manage.py")), "verify"]
    if subprocess.run(command).returncode:  # noqa: S603  (no word of it comes from outside)
        sys.exit(1)


def post_worker_init(worker: Any) -> None:
    """Load the model while the worker already answers /healthz. Workers share the cores among them."""
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, len(os.sched_getaffinity(0)) // worker.cfg.workers)))
    from galaxies.serving import service

    # This exit code makes gunicorn stop, where any other would make it start the same worker again, and again.
    service().start(on_boot_failure=lambda: os._exit(Arbiter.WORKER_BOOT_ERROR))


def worker_exit(server: Any, worker: Any) -> None:
    """Let the thread that owns the model finish before the interpreter goes."""
    from galaxies.serving import service

    service().stop()


def child_exit(server: Any, worker: Any) -> None:
    """What a process that has ended has waiting is no longer waiting; what it counted stays."""
    if FOLDER in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Leave no numbers behind."""
    if MARK in os.environ.get(FOLDER, ""):
        shutil.rmtree(os.environ[FOLDER], ignore_errors=True)
