"""Run a command on a private PostgreSQL server, made of the machine's own binaries and gone afterwards.

.venv/bin/python .ci/postgres.py COMMAND...     with NEBULAI_DATABASE_URL set; returns the command's own status
.venv/bin/python .ci/postgres.py --find         prints the folder of the binaries, or fails where there are none
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import quote, unquote

MISSING = "There is no PostgreSQL server on this machine; on Debian: sudo apt install postgresql"
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # it need not outlive a power cut
SERVER = {"listen_addresses": "", "max_connections": "200", **FAST}


def binaries() -> Path | None:
    """The folder with initdb and pg_ctl; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    if shutil.which("pg_config"):
        told = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)  # noqa: S607
        folders.append(Path(told.stdout.strip()))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "pg_ctl").exists()), None)


def owner() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses root. None: as we do."""
    if os.geteuid():
        return None
    names = {each.pw_name: each for each in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def run(folder: Path, program: Path, *arguments: str) -> None:
    """Run a program of PostgreSQL on the server in a folder. Raises: CalledProcessError."""
    person = owner()
    command = [str(program), "--pgdata", str(folder / "data"), *arguments]
    with (folder / "output").open("a") as output:
        subprocess.run(  # noqa: S603
            command, check=True, cwd=folder, stdout=output, stderr=output,
            user=person and person.pw_uid, group=person and person.pw_gid, extra_groups=[] if person else None,
        )  # fmt: skip


def folder_of(url: str) -> Path:
    """Return the folder of a server by its database's URL."""
    return Path(unquote(url.partition("@")[2].partition("/")[0]))


@contextmanager
def server(bin: Path, **settings: str) -> Iterator[str]:
    """A running server that answers on a socket in a folder of its own, and nowhere else; gives its database's URL.

    settings: PostgreSQL's, beside the server's own or instead of them.
    """
    folder = Path(tempfile.mkdtemp(prefix="nebulai-postgres-", dir="/tmp"))  # the path of a socket must be short
    if person := owner():
        os.chown(folder, person.pw_uid, person.pw_gid)
    try:
        run(
            folder,
            bin / "initdb",
            "--username=nebulai",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        options = " ".join(f"-c {name}='{value}'" for name, value in (SERVER | settings).items())
        run(
            folder,
            bin / "pg_ctl",
            "start",
            "--wait",
            "--log",
            str(folder / "log"),
            "--options",
            f"-k {folder} {options}",
        )
        yield f"postgres://nebulai@{quote(str(folder), safe='')}/postgres"
    except subprocess.CalledProcessError:
        for name in ("output", "log"):
            if (folder / name).exists():
                sys.stderr.write((folder / name).read_text())
        raise
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            run(folder, bin / "pg_ctl", "stop", "--mode=immediate")
        shutil.rmtree(folder)


def end(number: int, frame: FrameType | None) -> None:
    """Told to end, stop the server too."""
    raise SystemExit(128 + number)


def run_beside(services: AbstractContextManager[dict[str, str]], command: list[str]) -> int:
    """Run a command with the settings that lead to running services. Returns: the command's own status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    with services as settings, subprocess.Popen(command, env=os.environ | settings) as running:  # noqa: S603
        try:
            return running.wait()
        except BaseException:
            running.terminate()
            raise


@contextmanager
def database(bin: Path) -> Iterator[dict[str, str]]:
    """A running server; gives the setting that names its database."""
    with server(bin) as url:
        yield {"NEBULAI_DATABASE_URL": url}


def main() -> int:
    bin = binaries()
    if bin is None:
        sys.exit(MISSING)
    if sys.argv[1:] == ["--find"]:
        print(bin)
        return 0
    return run_beside(database(bin), sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
