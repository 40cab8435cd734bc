"""Take away what nobody needs any more: manage.py prune calls this.

found = prune(days=90, dry_run=True)        # counts, with nothing deleted
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.files.storage import Storage, default_storage
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from galaxies.generation import delete_galaxies
from galaxies.models import Alias, Galaxy, Measurement

FOLDER = "galaxies"  # of the storage, where galaxies.models.image_path puts them
BEING_STORED = timedelta(hours=1)  # a file is there before its row
CHUNK = 2000
OF_ITSELF = (Alias, Measurement)  # rows that say something of a galaxy, and nobody's wish to keep it


@dataclass(frozen=True)
class Pruned:
    """How much was taken away, or would be."""

    galaxies: int  # of visitors, unvoted and old
    files: int  # without a row
    lost: int  # rows whose file is gone: it is sampled again when it is asked for
    beyond: int  # of these, those whose model is gone as well: nothing can show them
    sessions: int  # that have expired


def prune(days: int, *, dry_run: bool = False) -> Pruned:
    """Delete visitors' galaxies that are older than `days` and that nobody voted for, files without rows, and sessions.

    A row without its file stays: its recipe brings the image back.
    """
    old = abandoned(days)
    galaxies = old.count()
    if not dry_run:
        delete_galaxies(old)
    files, lost, beyond = _files_and_rows(dry_run)
    return Pruned(galaxies, files, lost, beyond, _sessions(dry_run))


def abandoned(days: int) -> QuerySet[Galaxy]:
    """Return what visitors made, older than `days`, that nothing refers to: no vote, no maker, no list of anybody."""
    before = timezone.now() - timedelta(days=days)
    found = Galaxy.objects.filter(creator=None, published=False, kept=False, created__lt=before)
    for relation in Galaxy._meta.related_objects:
        if relation.related_model not in OF_ITSELF:
            rows = relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")})
            found = found.exclude(Exists(rows))
    return found


def _files_and_rows(dry_run: bool) -> tuple[int, int, int]:
    """Return how many files have no row, rows no file, and of these no model; delete those files."""
    here = set(_names(default_storage, FOLDER))
    unclaimed, lost, beyond = set(here), 0, 0
    there: dict[int, bool] = {}
    for galaxy in Galaxy.objects.select_related("model_version").only("image", "model_version").iterator(CHUNK):
        name = str(galaxy.image.name)
        unclaimed.discard(name)
        if name not in here and not default_storage.exists(name):  # stored since the files were listed
            lost += 1
            version = galaxy.model_version
            beyond += not there.setdefault(version.pk, version.has_files)
    before = timezone.now() - BEING_STORED
    gone = [name for name in unclaimed if _is_older(name, before)]
    if not dry_run:
        for name in gone:
            default_storage.delete(name)
    return len(gone), lost, beyond


def _is_older(name: str, before: datetime) -> bool:
    try:
        return default_storage.get_modified_time(name) < before
    except FileNotFoundError:
        return False


def _names(storage: Storage, folder: str) -> Iterator[str]:
    """Yield the files below a folder of the storage."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}" for name in files)
    for each in folders:
        yield from _names(storage, f"{folder}/{each}")


def _sessions(dry_run: bool) -> int:
    """Return how many sessions have expired; forget these, and the addresses that they came from."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    expired = store.get_model_class().objects.filter(expire_date__lt=timezone.now())
    number: int = expired.count()
    if not dry_run:
        store.clear_expired()
        alive = store.get_model_class().objects.filter(session_key=OuterRef("session_key"))
        UserSession.objects.exclude(Exists(alive)).delete()
    return number
