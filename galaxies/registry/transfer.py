"""Export bundles as zip files and import them on another site. Nothing in an imported zip is trusted.

path = export_bundle(version, Path("sdss-256.zip"))     # the same bytes for the same bundle
version = import_bundle(Path("sdss-256.zip"))           # raises BundleError, with nothing left behind
"""

import errno
import json
import secrets
import shutil
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import DatabaseError

from galaxies import model_page
from galaxies.ml.bundle import MANIFEST, METRICS, BundleError
from galaxies.models import ModelVersion
from galaxies.registry.manifests import is_known_as, manifest_checksum, verify_all
from galaxies.registry.registration import register_bundle

MOST_FILES = 5_000
LARGEST_FILE = 512 * 2**20
LARGEST_JSON = 16 * 2**20
LARGEST_BUNDLE = 1024 * 2**20
LARGEST_DIRECTORY = 2 * 2**20  # bytes of the list of names at a zip's end, which is read whole
CHUNK = 2**20
SAME_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can name
END = b"PK\x05\x06"
END_64 = b"PK\x06\x07"
ENCRYPTED = 0x1 | 0x40
DAMAGED = "{} is no zip file, or a damaged one: copy or export it again."


def export_bundle(version: ModelVersion, file: Path) -> Path:
    """Write a version's bundle as a zip of one folder, whole or not at all.

    Returns: `file`.
    Raises: BundleError if the bundle is damaged, the file is there already or cannot be written.
    """
    manifest = verify_all(version.path)
    names = sorted({MANIFEST, *manifest["files"], *([METRICS] if (version.path / METRICS).is_file() else [])})
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    try:
        if file.exists():  # fails for a name that is too long
            raise BundleError(f"{file} is there already: give another name or remove it.")
        with ZipFile(partial, "x") as archive:
            for name in names:
                entry = ZipInfo(f"{version.version}/{name}", SAME_DATE)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.compress_type = ZIP_DEFLATED
                archive.writestr(entry, (version.path / name).read_bytes())
        partial.rename(file)
    except OSError as error:
        raise BundleError(f"{file} cannot be written ({error.strerror}): choose another place or make room.") from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return file


def import_bundle(file: Path) -> ModelVersion:
    """Unpack a zip beside the models store's bundles, check it, move it into the store and register it.

    The same bundle in the store already is kept, or replaced if its files are damaged.
    Raises: BundleError, in one sentence, with nothing left behind.
    """
    with unpacked(file) as (folder, manifest):
        target = settings.MODELS_STORE / manifest["version"]
        if _is_new(target, folder):
            return _move_in(folder, target)
    return register_bundle(target)


@contextmanager
def unpacked(file: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a bundle out of a zip, checked, in a hidden folder of the models store, and its manifest.

    Raises: BundleError, in one sentence. The folder is deleted unless it was moved away.
    """
    with _unpacked(file) as folder:
        try:
            manifest = verify_all(folder)
            _refuse_unlisted_files(folder, manifest["files"])
            _refuse_unreadable_metrics(folder)
        except BundleError as error:
            raise BundleError(str(error).replace(str(folder), file.name)) from error
        yield folder, manifest


@contextmanager
def _unpacked(file: Path) -> Iterator[Path]:
    """Yield a hidden folder of the models store with a zip's files, and delete it unless it was moved away."""
    partial = Path(settings.MODELS_STORE) / f".{secrets.token_hex(8)}.partial"
    try:
        with file.open("rb") as stream:
            _check_end(file, stream)
            with ZipFile(stream) as archive:
                entries = _check_entries(file, archive.infolist())
                partial.mkdir(parents=True)
                _extract(file, archive, entries, partial)
        yield partial
    # zipfile raises these for what it does not understand or what does not match its own checksum
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise BundleError(DAMAGED.format(file)) from error
    except OSError as error:
        reason = f"{file} cannot be imported: {error.strerror or error}."
        raise BundleError(DAMAGED.format(file) if error.errno == errno.EINVAL else reason) from error  # a wrong offset
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _check_end(file: Path, stream: IO[bytes]) -> None:
    """Check the record at the end of a zip, which gives the length of its list of files, before that list is read.

    Raises: BundleError.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 42))
    tail = stream.read().rjust(42, b"\0")
    end = tail[-22:]
    if not end.startswith(END) or end[-2:] != b"\0\0":
        raise BundleError(f"{file} is no zip file as export_bundle writes it: export the bundle again.")
    if tail.startswith(END_64) or int.from_bytes(end[12:16], "little") > LARGEST_DIRECTORY or size > LARGEST_BUNDLE:
        raise BundleError(f"{file} holds more than a bundle does: it was not unpacked.")


def _check_entries(file: Path, entries: list[ZipInfo]) -> list[tuple[ZipInfo, PurePosixPath]]:
    """Return the files, each with its path inside the zip's one folder. Raises: BundleError."""
    if len(entries) > MOST_FILES:
        raise BundleError(f"{file} holds {len(entries):,} files, more than a bundle does: it was not unpacked.")
    found: dict[str, tuple[ZipInfo, PurePosixPath]] = {}
    for entry in (entry for entry in entries if not _is_of_a_system(entry.filename)):
        path = _check_entry(file, entry)
        key = str(path).casefold()  # some disks take A and a for the same file
        if not entry.is_dir():
            if key in found:
                raise BundleError(f"{file} holds {path} twice: export the bundle again.")
            found[key] = (entry, path)
    if MANIFEST.casefold() in found:
        raise BundleError(
            f"{file} has no {MANIFEST} in a folder of its own, but files without one: pack the folder itself."
        )
    if len({path.parts[0] for _, path in found.values()}) > 1:
        raise BundleError(f"{file} holds several folders: a bundle is one folder with a {MANIFEST}.")
    inside = [(entry, PurePosixPath(*path.parts[1:])) for entry, path in found.values()]
    if not any(str(path) == MANIFEST for _, path in inside):
        raise BundleError(f"{file} has no {MANIFEST} in a folder of its own: it is no bundle.")
    return inside


def _is_of_a_system(name: str) -> bool:
    """Whether macOS or Windows has put an entry into a zip, beside what a person packed."""
    parts = name.rstrip("/").split("/")
    return "__MACOSX" in parts or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini") or parts[-1].startswith("._")


def _check_entry(file: Path, entry: ZipInfo) -> PurePosixPath:
    """Return the path of an entry. Raises: BundleError unless it is a plain file or folder inside the bundle."""
    name, path = entry.orig_filename, PurePosixPath(entry.filename)
    parts = entry.filename.rstrip("/").split("/")
    odd = "\\" in name or ":" in name or not entry.filename.isprintable() or entry.filename != name
    if odd or path.is_absolute() or not all(part.strip(" .") for part in parts):
        raise BundleError(f"{file} holds a file named {name!r}, which would not lie inside the bundle: do not use it.")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if entry.is_dir() else stat.S_IFREG):
        raise BundleError(f"{file} holds a link or something else that is no file ({path}): do not use it.")
    if entry.flag_bits & ENCRYPTED:
        raise BundleError(f"{file} is encrypted: unpack it, and pack it again without a password.")
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BundleError(f"{file} is packed in an unusual way: export the bundle again.")
    return path


def _extract(file: Path, archive: ZipFile, entries: list[tuple[ZipInfo, PurePosixPath]], folder: Path) -> None:
    """Unpack the entries. Counts the bytes that come out, since the sizes that a zip states need not be true."""
    total = 0
    for entry, path in entries:
        target, size = folder / path, 0
        most = LARGEST_JSON if path.suffix == ".json" else LARGEST_FILE
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("xb") as copy:
            while chunk := source.read(CHUNK):
                size += len(chunk)
                total += len(chunk)
                if size > most or total > LARGEST_BUNDLE:
                    raise BundleError(f"{file} unpacks to more than a bundle does: it was not imported.")
                copy.write(chunk)


def _refuse_unlisted_files(folder: Path, files: dict[str, str]) -> None:
    """Raise BundleError if the folder holds files that the manifest does not list."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(found - files.keys() - {MANIFEST, METRICS}):
        raise BundleError(f"{folder / unlisted[0]} is not among the files of the manifest: export the bundle again.")


def _refuse_unreadable_metrics(folder: Path) -> None:
    """Raise BundleError if the model's page cannot be made from metrics.json, which has no checksum."""
    if not (folder / METRICS).exists():
        return
    try:
        metrics = json.loads((folder / METRICS).read_text())
        json.dumps(metrics, allow_nan=False)
        manifest = json.loads((folder / MANIFEST).read_text())
        model_page.read(ModelVersion(version=folder.name, families=manifest["families"]))
        if "\\u0000" in json.dumps(metrics) or metrics["conditions"]["n_held_out"] < 0:
            raise ValueError
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BundleError(
            f"{folder / METRICS} is not what manage.py evaluate writes: leave it out and measure the model here."
        ) from error


def _is_new(target: Path, folder: Path) -> bool:
    """Tell whether a bundle has to be moved into the store: not if the same one is there, whole and with directions.

    Raises: BundleError if a different bundle has its name.
    """
    known = ModelVersion.objects.filter(version=target.name).first()
    checksum = manifest_checksum(folder)
    there = known.checksum if known else manifest_checksum(target) if target.exists() else checksum
    if there != checksum and is_known_as(folder, there):
        return True
    if there != checksum and not is_known_as(target, checksum):
        raise BundleError(f"Another model is called {target.name} here: delete that one first, if it has no galaxies.")
    try:
        verify_all(target)
    except BundleError:
        return True
    return False


def _move_in(folder: Path, target: Path) -> ModelVersion:
    """Move an unpacked bundle to its place in the store, instead of a damaged one there, and register it.

    Raises: BundleError, with the store as it was.
    """
    aside = folder.with_name(f"{folder.name}.before")
    if target.exists():
        target.rename(aside)
    try:
        folder.rename(target)
        version = register_bundle(target)
    except (BundleError, OSError, ValidationError, DatabaseError) as error:
        shutil.rmtree(target, ignore_errors=True)
        if aside.exists():
            aside.rename(target)
        raise BundleError(f"{target.name} cannot be registered: {error}") from error
    shutil.rmtree(aside, ignore_errors=True)
    return version
