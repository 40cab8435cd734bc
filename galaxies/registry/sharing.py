"""Bundles between hosts: where images are kept in S3, bundles are too, and each host fetches those that it lacks.

publish(version)                # before others can see its row
fetch(version)                  # raises NotAtHand; nothing to do where its files are here
fetch_missing()                 # what every process does in the background

Nothing happens on a site that keeps its images in its own folder. A bundle from the storage is believed only where its
manifest has the checksum that the database knows, and its files those of the manifest.
"""

import logging
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

from galaxies.ml.bundle import BundleError, verify
from galaxies.models import ModelVersion
from galaxies.registry.manifests import is_known_as, manifest_checksum

logger = logging.getLogger(__name__)

FOLDER = "bundles"  # of the storage
_asked: set[str] = set()  # by this process, in the background


class NotAtHand(BundleError):
    """A bundle cannot be fetched at the moment, and may be later."""


def publish(version: ModelVersion) -> None:
    """Put a version's bundle into the storage that hosts share, unless it is there."""
    name = _name(version)
    if not settings.S3_BUCKET or default_storage.exists(name):
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = shutil.make_archive(f"{folder}/bundle", "zip", version.path.parent, version.version)
        with open(archive, "rb") as file:
            default_storage.save(name, File(file))


def fetch_missing() -> None:
    """Fetch the bundles of all versions that this host lacks; what cannot be had is logged, and asked for once."""
    if not settings.S3_BUCKET:
        return
    for version in ModelVersion.objects.defer("metrics", "families", "steering"):
        if _name(version) not in _asked:
            _asked.add(_name(version))
            try:
                fetch(version)
            except BundleError as error:
                logger.warning("%s", error)
                if isinstance(error, NotAtHand):
                    _asked.discard(_name(version))


def fetch(version: ModelVersion) -> None:
    """Bring a version's bundle to this host's store, if it is not there, or there without its directions.

    Raises: NotAtHand if the storage does not answer, BundleError if what it has is damaged.
    """
    if not settings.S3_BUCKET or manifest_checksum(version.path) == version.checksum:
        return
    store = Path(settings.MODELS_STORE)
    store.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", suffix=".partial", dir=store) as draft:
        found = _download(version, Path(draft))
        if found and (not version.has_files or is_known_as(found, manifest_checksum(version.path))):
            with suppress(OSError):  # there is nothing to move aside, or another process has been quicker
                version.path.rename(Path(draft, "before"))
            with suppress(OSError):
                found.rename(version.path)


def _download(version: ModelVersion, draft: Path) -> Path | None:
    """Return the folder below `draft` where a version's bundle was unpacked; None if the storage does not have it."""
    try:
        with default_storage.open(_name(version)) as source, (draft / "bundle.zip").open("wb") as archive:
            shutil.copyfileobj(source, archive)
    except FileNotFoundError:
        return None
    except Exception as error:  # each storage has errors of its own
        raise NotAtHand(f"{version} is not on this host and cannot be fetched at the moment: {error}") from error
    shutil.unpack_archive(draft / "bundle.zip", draft)
    found = draft / version.version
    verify(found)
    if manifest_checksum(found) != version.checksum:
        raise BundleError(f"{version} in the storage is not the bundle that the database knows: register it again.")
    return found


def forget(version: ModelVersion) -> None:
    """Delete a version's bundle from the storage; other hosts keep the folders that they have."""
    if not settings.S3_BUCKET:
        return
    try:
        default_storage.delete(_name(version))
    except Exception as error:  # nobody fetches what has no row
        logger.warning("%s stays in the storage: %s", _name(version), error)


def _name(version: ModelVersion) -> str:
    return f"{FOLDER}/{version.version}.{version.checksum[:16]}.zip"
