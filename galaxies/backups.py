"""A site as a folder: its database, its images and its models, with a checksum of each file.

write(folder)                           # while the site goes on; raises BackupError, DumpError, OSError
back = read(folder)                     # checks every file first, then puts everything back
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from nebulai import dumps

FORMAT = 1
LIST = "backup.json"
MEDIA, MODELS = "media", "models_store"
CHUNK = 2**20


class BackupError(Exception):
    """A backup cannot be written or put back; the message says why, and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds: its files, their bytes, and where what it replaced was kept ("" if there was nothing)."""

    files: int
    size: int
    before: str = ""


def write(folder: Path) -> Contents:
    """Write a backup into a folder that is not there yet, or empty. The folder is there once all of it is written.

    Raises: BackupError, dumps.DumpError; OSError if there is no room: nothing is left then.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: name a folder that is not there yet.")
    draft = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)  # it holds addresses and password hashes
    try:
        name = dumps.dump(draft)  # first, so that every image of its rows is there
        sums = {name: _checksum(draft / name)}
        for path, source in _sources():
            if found := _copy(source, draft / path):
                sums[path] = found
        about = {"format": FORMAT, "created": timezone.now().isoformat(), "migrations": _applied(), "files": sums}
        (draft / LIST).write_text(json.dumps(about, indent=1))
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Contents(len(sums), sum((folder / path).stat().st_size for path in sums))


def _sources() -> Iterator[tuple[str, Path]]:
    """Yield (path in the backup, file) of all images and models. What is half written has a dot in front."""
    roots = {MODELS: Path(settings.MODELS_STORE)}
    if not settings.S3_BUCKET:
        roots[MEDIA] = Path(settings.MEDIA_ROOT)
    for name, root in roots.items():
        for file in sorted(root.rglob("*")):
            parts = file.relative_to(root).parts
            if file.is_file() and not any(part.startswith(".") for part in parts):
                yield "/".join((name, *parts)), file


def _copy(source: Path, target: Path) -> str:
    """Copy a file. Returns: its checksum; "" if it has been deleted meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    sum_ = hashlib.sha256()
    try:
        with source.open("rb") as file, target.open("wb") as copy:
            while chunk := file.read(CHUNK):
                sum_.update(chunk)
                copy.write(chunk)
    except FileNotFoundError:
        return ""
    return sum_.hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _applied() -> list[str]:
    return sorted(".".join(key) for key in MigrationLoader(connection).applied_migrations)


def read(folder: Path) -> Contents:
    """Put a backup back: its database in place of the site's, its files beside those that are there.

    Nothing is deleted: the database that was there is kept in the data folder, and so is a model of the same name with
    other files.
    Raises: BackupError, with nothing changed, if a file is missing or damaged; dumps.DumpError; OSError.
    """
    about = check(folder)
    place = Path(settings.DATA_DIR) / f"before-restore-{timezone.now():%Y%m%d-%H%M%S-%f}"
    name = next(path for path in about["files"] if "/" not in path)
    if name != dumps.file_name():
        raise BackupError(
            f"{folder} holds a {name}: set NEBULAI_DATABASE_URL to a database of that kind, then try again."
        )
    if connection.introspection.table_names():
        place.mkdir(parents=True, mode=0o700)
        dumps.dump(place)
    _put_models(folder, about["files"], place)
    for path in about["files"]:
        if path.startswith(f"{MEDIA}/"):
            _put(folder / path, Path(settings.MEDIA_ROOT) / path.removeprefix(f"{MEDIA}/"))
    dumps.load(folder / name)  # last: until then the site is as it was
    size = sum((folder / path).stat().st_size for path in about["files"])
    return Contents(len(about["files"]), size, str(place) if place.exists() else "")


def check(folder: Path) -> dict[str, Any]:
    """Return what a backup says it holds, every file checked. Raises: BackupError."""
    try:
        about: dict[str, Any] = json.loads((folder / LIST).read_text())
        files: dict[str, str] = about["files"]
        known = about["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} is no backup, or {LIST} is damaged: name a folder of manage.py backup.") from error
    if not known:
        raise BackupError(f"{folder} was written by another version of NebulAI: use that version to restore it.")
    for path, sum_ in files.items():
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise BackupError(f"{folder} names {path}, which leads out of it: nothing was restored.")
        if not (folder / path).is_file() or _checksum(folder / path) != sum_:
            raise BackupError(f"{path} is missing or damaged in {folder}: nothing was restored; take another backup.")
    newer = set(about["migrations"]) - {".".join(key) for key in MigrationLoader(None).disk_migrations}
    if unknown := sorted(each for each in newer if not _is_squashed(each)):
        raise BackupError(
            f"{folder} is from a newer version of NebulAI ({unknown[0]}): update this one, then try again."
        )
    return about


def _is_squashed(migration: str) -> bool:
    app, name = migration.split(".", 1)
    replaced = {key for each in MigrationLoader(None).disk_migrations.values() for key in each.replaces}
    return (app, name) in replaced


def _put_models(folder: Path, files: dict[str, str], place: Path) -> None:
    """Bring the models of a backup into the store; one of the same name with other files is moved to `place`."""
    for version in sorted({path.split("/")[1] for path in files if path.startswith(f"{MODELS}/")}):
        begin = f"{MODELS}/{version}/"
        ours = {path.removeprefix(begin): sum_ for path, sum_ in files.items() if path.startswith(begin)}
        target = Path(settings.MODELS_STORE) / version
        if target.is_dir():
            if all((target / path).is_file() and _checksum(target / path) == sum_ for path, sum_ in ours.items()):
                continue
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.move(target, place / version)
        draft = target.with_name(f".{version}.restored")
        shutil.rmtree(draft, ignore_errors=True)
        for path in ours:
            _put(folder / begin / path, draft / path)
        draft.rename(target)


def _put(source: Path, target: Path) -> None:
    """Copy a file to its place, where it is whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.restored")
    shutil.copyfile(source, draft)
    draft.replace(target)
