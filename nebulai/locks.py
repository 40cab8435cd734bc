"""One process at a time, where two would break what they both make."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

KEY = 0x6E656275  # of PostgreSQL's advisory lock, any number that nobody else takes


@contextmanager
def alone() -> Iterator[None]:
    """Change the tables while no other process does: others wait here. PostgreSQL holds for all machines."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [KEY])
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [KEY])
    else:
        path = Path(settings.DATA_DIR) / "prepare.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the kernel drops it when its holder dies
            yield
