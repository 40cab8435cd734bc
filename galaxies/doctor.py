"""Look at everything the site stands on: manage.py doctor calls this.

for finding in examine():
    finding.name, finding.is_well, finding.sentence     # what was found, and what to do if it is not well
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.checks import ERROR, run_checks
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from galaxies.models import Galaxy, Vote
from galaxies.registry.registration import verify_active

LEAST_ROOM = 2**30  # bytes: a backup, a checkpoint or a bundle takes some hundred MB
LONG = timedelta(minutes=10)  # that work waits for a worker which is there
SKEW = timedelta(minutes=1)
PROBE = "doctor/probe"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing, in a sentence."""

    name: str
    is_well: bool
    sentence: str


class Ill(Exception):
    """Something is not well; the message says what, and what to do."""


def examine() -> Iterator[Finding]:
    """Yield a finding for each thing the site stands on. None of them stops the others."""
    for name, look in CHECKS.items():
        try:
            yield Finding(name, True, look())
        except Exception as error:  # whatever is wrong with one thing, the others are looked at
            yield Finding(name, False, _line(error))


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _settings() -> str:
    errors = [each for each in run_checks() if each.level >= ERROR]
    if errors:
        raise Ill(" ".join(str(each.msg) for each in errors))
    mode = "production" if settings.PRODUCTION else "a site for yourself: set NEBULAI_DEBUG=0 for others"
    return f"all can be used; {mode}"


def _database() -> str:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        raise Ill(f"it does not answer ({_line(error)}): start it, or mend NEBULAI_DATABASE_URL.") from error
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Ill(f"migrations are missing ({len(missing)}): run manage.py prepare.")
    return f"{connection.vendor} answers; galaxies: {Galaxy.objects.order_by().count():,}"


def _cache() -> str:
    stamp = timezone.now().isoformat()
    try:
        cache.set(PROBE, stamp, 60)
    except DatabaseError as error:
        raise Ill("its table is missing: run manage.py prepare.") from error
    if cache.get(PROBE) != stamp:
        raise Ill("it forgets at once: without it there are no rate limits; run manage.py prepare, or mend Redis.")
    return "redis" if settings.CACHE_URL else "a table of the database"


def _storage() -> str:
    name = default_storage.save(PROBE, ContentFile(b"written"))
    try:
        with default_storage.open(name) as file:
            if file.read() != b"written":
                raise Ill("what was written cannot be read again: look at the disk or at the bucket.")
    finally:
        default_storage.delete(name)
    return f"the bucket {settings.S3_BUCKET}" if settings.S3_BUCKET else str(settings.MEDIA_ROOT)


def _mail() -> str:
    if not settings.EMAIL_URL:
        if settings.PRODUCTION:
            raise Ill("it goes to the terminal, and nobody gets it: set NEBULAI_EMAIL_URL.")
        return "goes to the terminal: set NEBULAI_EMAIL_URL to send it"
    try:
        with get_connection():
            return f"{settings.EMAIL_HOST} takes it"
    except OSError as error:
        raise Ill(f"{settings.EMAIL_HOST} does not take it ({error}): mend NEBULAI_EMAIL_URL.") from error


def _model() -> str:
    active = verify_active()
    if active is None:
        raise Ill("none is active: run manage.py train, or import_bundle FILE.zip --activate.")
    return f"{active}, every file in order"


def _disk() -> str:
    places = {Path(each) for each in (settings.DATA_DIR, settings.MODELS_STORE) if Path(each).is_dir()}
    free = min(shutil.disk_usage(place).free for place in places)
    room = filesizeformat(free).replace("\xa0", " ")
    if free < LEAST_ROOM:
        raise Ill(f"{room} left: make room, or run manage.py prune.")
    return f"{room} left"


def _worker() -> str:
    now = timezone.now()
    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY, enqueued_at__lt=now - LONG)
    waiting = sum(each.run_after is None or each.run_after <= now for each in ready)
    if waiting and not DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING).exists():
        raise Ill(f"tasks wait ({waiting}) and none is done: start manage.py db_worker.")
    return f"tasks that wait behind another: {waiting}" if waiting else "nothing waits for it"


def _clock() -> str:
    latest = [
        rows.order_by("-created").values_list("created", flat=True).first() for rows in (Galaxy.objects, Vote.objects)
    ]
    ahead = max((each for each in latest if each), default=timezone.now()) - timezone.now()
    if ahead > SKEW:
        raise Ill(f"the newest galaxy or vote is {ahead} in the future: set the clock, by NTP.")
    return "no row is from the future"


CHECKS: dict[str, Callable[[], str]] = {
    "settings": _settings,
    "database": _database,
    "cache": _cache,
    "storage": _storage,
    "mail": _mail,
    "model": _model,
    "disk": _disk,
    "worker": _worker,
    "clock": _clock,
}
