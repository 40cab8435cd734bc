"""What staff do with model versions: activate, roll back, archive, delete. Pages, commands and the admin call these.

activate(version)                       # files checked first; raises BundleError, and the old one goes on serving
"""

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Sum

from galaxies.ml.bundle import MANIFEST
from galaxies.models import ModelVersion, Tally, wilson_lower_bound
from galaxies.registry.registration import register_bundle
from galaxies.serving import service


class VersionError(Exception):
    """Something that cannot be done with a version; the message says why, and what can."""


@dataclass(frozen=True)
class Approval:
    """The galaxies of a version and what people thought of them. Shares are in percent; None without a vote."""

    galaxies: int = 0
    likes: int = 0
    dislikes: int = 0

    @property
    def votes(self) -> int:
        return self.likes + self.dislikes

    @property
    def share(self) -> float | None:
        return 100 * self.likes / self.votes if self.votes else None

    @property
    def low(self) -> float:
        """The lower end of the 95% interval (Wilson 1927)."""
        return 100 * wilson_lower_bound(self.likes, self.dislikes)

    @property
    def high(self) -> float:
        """Its upper end: what dislikes leave."""
        return 100 - 100 * wilson_lower_bound(self.dislikes, self.likes)

    @property
    def width(self) -> float:
        """From one end to the other."""
        return self.high - self.low


def approvals() -> dict[int, Approval]:
    """By the id of the version: one short query, since the tallies have counted already."""
    columns = [Sum(column) for column in ("generated", "likes", "dislikes")]
    sums = Tally.objects.order_by().values_list("model_version").annotate(*columns)
    return {version: Approval(*counts) for version, *counts in sums}


def find(name: str | None = None) -> ModelVersion:
    """The version of that name, or the active one. Raises: VersionError if there is none."""
    version = ModelVersion.objects.filter(version=name).first() if name else ModelVersion.active()
    if version is None and name:
        raise VersionError(f"There is no model version {name}: manage.py models lists those there are.")
    if version is None:
        raise VersionError("No model version is active: name one, or activate one with manage.py activate VERSION.")
    return version


def activate(version: ModelVersion) -> None:
    """Check a version's files, then let new galaxies come from it; every process follows within seconds.

    Raises: BundleError if a file is missing, damaged or of another format: then nothing has changed.
    """
    register_bundle(version.path, activate=True)
    version.refresh_from_db()


def previous() -> ModelVersion | None:
    """The version that was active before the one that is, unless it has been archived since."""
    return (
        ModelVersion.objects.filter(is_active=False, archived=False, activated__isnull=False)
        .order_by("-activated")
        .first()
    )


def roll_back(version: ModelVersion) -> None:
    """Activate the version that was active before, given as the one that it was on the page where somebody pressed.

    Raises: VersionError if that is another by now; BundleError as `activate` does.
    """
    now = previous()
    if now != version:
        raise VersionError(f"Another version has been activated meanwhile; rolling back would now lead to {now}.")
    activate(version)


def archive(version: ModelVersion) -> None:
    """Offer a version no more; its galaxies stay, and can still be painted.

    Raises: VersionError if it is active.
    """
    if not ModelVersion.objects.filter(pk=version.pk, is_active=False).update(archived=True):
        raise VersionError(f"{version} is active: activate another version first, then archive this one.")
    version.refresh_from_db()


def bring_back(version: ModelVersion) -> None:
    """Offer an archived version again."""
    ModelVersion.objects.filter(pk=version.pk).update(archived=False)
    version.refresh_from_db()


def delete(version: ModelVersion) -> str:
    """Delete a version that has painted nothing, with its folder.

    Returns: a sentence that says what is gone.
    Raises: VersionError if it is active, serving, or has galaxies: then nothing has changed.
    """
    name, path, checksum = version.version, version.path, version.checksum
    try:
        with transaction.atomic():
            if not ModelVersion.objects.select_for_update().filter(pk=version.pk, is_active=False).exists():
                raise VersionError(f"{name} is active: activate another version first.")
            if name == service().version:
                raise VersionError(f"{name} still paints new galaxies here: try again in a few seconds.")
            ModelVersion.objects.get(pk=version.pk).delete()
    except (ProtectedError, IntegrityError):  # the second, if a galaxy came in between
        raise VersionError(f"{name} has galaxies, which are painted by it: archive it instead.") from None
    if not _is_own_folder(path, checksum):
        return f"{name} is deleted; its folder was not touched, for it is gone or is another's."
    aside = path.with_name(f".{name}.deleted")
    try:
        path.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        return f"{name} is deleted, but not its folder ({error.strerror}): remove it from the models store by hand."
    return f"{name} is deleted with its files."


def _is_own_folder(path: Path, checksum: str) -> bool:
    """Whether a folder is plainly the bundle with this checksum, right inside the models store."""
    if path.is_symlink() or not path.is_dir() or path.resolve().parent != Path(settings.MODELS_STORE).resolve():
        return False
    return manifest_checksum(path) == checksum


def manifest_checksum(path: Path) -> str:
    """sha256 of a bundle's manifest, by which the database knows it; "" if it cannot be read."""
    with suppress(OSError):
        return hashlib.sha256((path / MANIFEST).read_bytes()).hexdigest()
    return ""


def sentence(error: Exception | str) -> str:
    """What went wrong as a page says it, which is read by people who need not know where on the disk the store is."""
    return str(error).replace(f"{settings.MODELS_STORE}/", "")


def serving_sentence(active: ModelVersion | None) -> str:
    """Which version this process really paints with, where that is not the active one; "" if all is as it should be."""
    serving = service()
    if active is None or serving.version == active.version:
        return ""
    if serving.refused:
        still = f"{serving.version} goes on serving." if serving.version else "Nothing is served until that is mended."
        return f"{sentence(serving.refused)} {still}"
    if serving.version is None:
        return f"This process is still loading {active}."
    return f"This process still paints with {serving.version} and follows within seconds."
