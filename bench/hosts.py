"""How soon an activation reaches two hosts: python bench/hosts.py

Two gunicorns with folders of their own on one PostgreSQL, one Redis and one S3, as in galaxies/tests/hosts.py. They
load each version of models_store for the first time, then one that both still hold.
"""

import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from figures import keep  # noqa: E402

from galaxies.tests.hosts import Host, two_hosts, until  # noqa: E402

ACTIVATED = "from galaxies.models import ModelVersion; print(ModelVersion.active().activated.timestamp())"


def activate(hosts: tuple[Host, Host], version: str) -> list[float]:
    """Activate a version on the first host. Returns: after how many seconds each host serves it."""

    def serves(host: Host) -> float:
        until(partial(host.serves, version))
        return time.time()

    with ThreadPoolExecutor(len(hosts)) as pool:
        served = [pool.submit(serves, host) for host in hosts]
        hosts[0].manage("activate", version)
        since = float(hosts[0].manage("shell", "--verbosity", "0", "--command", ACTIVATED))
        return [each.result() - since for each in served]


def main() -> None:
    versions = sorted(path.parent.name for path in ROOT.glob("models_store/*/manifest.json"))
    with tempfile.TemporaryDirectory() as folder, two_hosts(Path(folder)) as hosts:
        one, two = hosts
        shutil.copytree(ROOT / "models_store", one.folder / "store", dirs_exist_ok=True)
        for host in hosts:
            host.manage("prepare")
            host.start()
        for host in hosts:
            until(partial(host.serves, versions[-1]))  # prepare activates the newest
        for version in versions:
            until((two.folder / "store" / version / "manifest.json").is_file)
        for version in versions:
            held = "had been active before" if version == versions[-1] else "loaded for the first time"
            keep(f"activation of {version}, until both serve", max(activate(hosts, version)), "s", note=held)


if __name__ == "__main__":
    main()
