"""The whole database as one file, taken while the site goes on writing, and put back.

name = dump(folder)                    # "database.sqlite3" or "database.pgdump"; raises DumpError
load(folder / name)                    # the site's database is then that of the file; raises DumpError
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.db import connection, connections

SQLITE, POSTGRES = "database.sqlite3", "database.pgdump"
PATIENCE = 60.0  # seconds that a locked SQLite is waited for


class DumpError(Exception):
    """The database cannot be dumped or loaded; the message says why, and what to do."""


def file_name() -> str:
    """Return the name that a dump of this site's kind of database has."""
    return SQLITE if connection.vendor == "sqlite" else POSTGRES


def dump(folder: Path) -> str:
    """Write the database into a folder, as it is at one moment. Returns: the file's name. Raises: DumpError."""
    path = folder / file_name()
    if connection.vendor == "sqlite":
        _copy_sqlite(_sqlite_path(), path)
    else:
        _postgres("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")
    return path.name


def load(path: Path) -> None:
    """Replace the site's database by a dump, in one transaction: all of it or nothing. Raises: DumpError."""
    if path.name != file_name():
        raise DumpError(
            f"{path.name} is of another kind of database than the site's: set NEBULAI_DATABASE_URL to one of its kind."
        )
    connections.close_all()
    if connection.vendor == "sqlite":
        _copy_sqlite(path, _sqlite_path())
    else:
        options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
        _postgres("pg_restore", *options, f"--dbname={connection.settings_dict['NAME']}", str(path))


def _sqlite_path() -> Path:
    return Path(connection.settings_dict["NAME"])


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy one moment of a database, which others may write to, by SQLite's own backup: all of it or nothing."""
    try:
        with closing(_open(source)) as from_, closing(_open(target)) as to:
            from_.backup(to)
            found = to.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise DumpError(
            f"The database cannot be copied ({error}): make room, or end what locks it, and try again."
        ) from error
    if found != "ok":
        raise DumpError(f"The database is damaged ({found}): bring back an earlier backup.")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE)


def _postgres(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on the site's database; the password goes by the environment, where none sees it."""
    found = shutil.which(program)
    if found is None:
        raise DumpError(f"{program} is not installed; on Debian: sudo apt install postgresql-client")
    settings: dict[str, Any] = connection.settings_dict
    variables = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    given = {name: str(settings[key]) for name, key in variables.items() if settings.get(key)}
    done = subprocess.run(  # noqa: S603  (no word of it comes from a page)
        [found, *arguments], env=os.environ | given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DumpError(f"{program} failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
