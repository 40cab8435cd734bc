"""What staff do with model versions: activate, roll back, archive, delete. Pages, commands and the admin call this.

activate(version)                       # checks files first; raises BundleError, and the old version goes on serving
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from galaxies import sentences
from galaxies.approval import Approval
from galaxies.charts import figure
from galaxies.extractors import by_extractor, in_words
from galaxies.models import ModelVersion, Tally
from galaxies.registry import sharing
from galaxies.registry.manifests import is_version_name, manifest_checksum
from galaxies.registry.registration import register_bundle
from galaxies.serving import service


class VersionError(Exception):
    """A version cannot be found or changed; the message says why, and what to do."""


NO_VOTES = Approval()
FAR_TIMES = 2.0  # the active version's KID: beyond that, staff are asked before they activate
LEAST_KID = 1e-4  # KID may come out at 0 or below


@dataclass(frozen=True)
class VersionTotals:
    """How many galaxies a version has generated, and how many likes and dislikes these have."""

    galaxies: int = 0
    approval: Approval = NO_VOTES


def totals() -> dict[int, VersionTotals]:
    """Return the totals by the id of the version; a version without galaxies is left out."""
    sums = Tally.objects.sums_by("model_version")
    return {version: VersionTotals(galaxies, Approval(*votes)) for version, galaxies, *votes in sums}


def find(name: str | None = None) -> ModelVersion:
    """Return the version of that name, or the active one for None, its files fetched if they are on other hosts alone.

    Raises: VersionError if there is none; BundleError if its files cannot be fetched.
    """
    known = ModelVersion.objects.filter(version=name if is_version_name(name) else None)
    version = known.first() if name else ModelVersion.active()
    if version is None and name:
        raise VersionError(
            _("There is no model version %(name)s: manage.py models lists those there are.") % {"name": name}
        )
    if version is None:
        raise VersionError(_("No model version is active: name one, or activate one with manage.py activate VERSION."))
    sharing.fetch(version)
    return version


def activate(version: ModelVersion) -> None:
    """Check a version's files, then let new galaxies come from it; every process follows within seconds.

    Raises: BundleError if a file is missing, damaged or of another format: then nothing has changed.
    """
    sharing.fetch(version)
    register_bundle(version.path, activate=True)
    version.refresh_from_db()


@dataclass(frozen=True)
class FarWorse:
    """A version whose KID is far above that of the active one, both as text and by the same extractor."""

    active: ModelVersion
    kid: str
    active_kid: str
    extractor: str


def far_worse(version: ModelVersion) -> FarWorse | None:
    """Compare a version's KID with the active one's. Returns: None if it is not far worse, or nothing tells."""
    active = ModelVersion.active()
    if active is None or active == version:
        return None
    ours, theirs = (by_extractor(each.metrics or {}) for each in (version, active))
    shared = next((name for name in ours if name in theirs and ours[name].get("kid") and theirs[name].get("kid")), "")
    if not shared:
        return None
    kid, of_active = ours[shared]["kid"], theirs[shared]["kid"]
    if kid["value"] <= FAR_TIMES * max(of_active["value"], abs(of_active["floor"]), LEAST_KID):
        return None
    return FarWorse(active, figure(kid["value"]), figure(of_active["value"]), in_words(kid))


def previous() -> ModelVersion | None:
    """Return the version that was active before the present one; None if there is none that is not archived."""
    return (
        ModelVersion.objects.filter(is_active=False, archived=False, activated__isnull=False)
        .order_by("-activated")
        .first()
    )


def roll_back(version: ModelVersion) -> None:
    """Activate the version that was active before. version: the one that the page of the button offered.

    Raises: VersionError if another version was activated since; BundleError as `activate` does.
    """
    now = previous()
    if now != version:
        raise VersionError(
            _("Another version has been activated meanwhile; rolling back would now lead to %(version)s.")
            % {"version": now}
        )
    activate(version)


def archive(version: ModelVersion) -> None:
    """Offer a version no more; its galaxies stay, and can still be sampled.

    Raises: VersionError if it is active.
    """
    if not ModelVersion.objects.filter(pk=version.pk, is_active=False).update(archived=True):
        raise VersionError(
            _("%(version)s is active: activate another version first, then archive this one.") % {"version": version}
        )
    version.refresh_from_db()


def bring_back(version: ModelVersion) -> None:
    """Offer an archived version again."""
    ModelVersion.objects.filter(pk=version.pk).update(archived=False)
    version.refresh_from_db()


def delete(version: ModelVersion) -> str:
    """Delete a version that has no galaxies, with its folder.

    Returns: a sentence that says what is gone.
    Raises: VersionError if it is active, serving, or has galaxies: then nothing has changed.
    """
    name, path, checksum = version.version, version.path, version.checksum
    try:
        with transaction.atomic():
            if not ModelVersion.objects.select_for_update().filter(pk=version.pk, is_active=False).exists():
                raise VersionError(_("%(name)s is active: activate another version first.") % {"name": name})
            if name == service().version:
                raise VersionError(
                    _("%(name)s still generates new galaxies here: try again in a few seconds.") % {"name": name}
                )
            ModelVersion.objects.get(pk=version.pk).delete()
    except (ProtectedError, IntegrityError):  # the second, if a galaxy was stored in between
        raise VersionError(_("%(name)s has galaxies, which need it: archive it instead.") % {"name": name}) from None
    if not _is_own_folder(path, checksum):
        return _("%(name)s is deleted; its folder was not touched, for it is gone or is another's.") % {"name": name}
    sharing.forget(version)
    aside = path.with_name(f".{name}.deleted")
    try:
        path.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        return _("%(name)s is deleted, but not its folder (%(reason)s): remove it from the models store by hand.") % {
            "name": name,
            "reason": error.strerror,
        }
    return _("%(name)s is deleted with its files.") % {"name": name}


def _is_own_folder(path: Path, checksum: str) -> bool:
    """Tell whether a folder is the bundle with this checksum, and no link, directly inside the models store."""
    if path.is_symlink() or not path.is_dir() or path.resolve().parent != Path(settings.MODELS_STORE).resolve():
        return False
    return manifest_checksum(path) == checksum


def sentence(error: Exception | str) -> str:
    """Return the message of an error for a page, without the path of the models store, in the reader's language."""
    return sentences.in_words(str(error).replace(f"{settings.MODELS_STORE}/", ""))


def serving_sentence(active: ModelVersion | None) -> str:
    """Return a sentence on the version that this process generates with; "" if it is the active one."""
    serving = service()
    if active is None or serving.version == active.version:
        return ""
    if serving.refused:
        still = (
            _("%(version)s goes on serving.") % {"version": serving.version}
            if serving.version
            else _("Nothing is served until that is mended.")
        )
        return f"{sentence(serving.refused)} {still}"
    if serving.version is None:
        return _("This process is still loading %(version)s.") % {"version": active}
    return _("This process still generates with %(version)s and follows within seconds.") % {"version": serving.version}
