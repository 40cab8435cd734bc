"""Make bundles known to the database, and choose the one that new galaxies come from."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from galaxies.facts import read_metrics
from galaxies.ml.bundle import BundleError, read_manifest, verify
from galaxies.models import ModelVersion
from galaxies.registry.manifests import verify_all


def register_bundle(path: Path, activate: bool = False) -> ModelVersion:
    """Make a bundle in settings.MODELS_STORE known to the database, after checking every file's checksum.

    Raises: BundleError if a file is damaged, the folder is elsewhere, or galaxies refer to another bundle of that name.
    """
    path = path.resolve()
    manifest = verify_all(path)
    if path != settings.MODELS_STORE / manifest["version"]:
        raise BundleError(
            f"{path} must lie in {settings.MODELS_STORE} and be named {manifest['version']}; move it there."
        )
    checksum = hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()
    known = ModelVersion.objects.filter(version=manifest["version"]).first()
    if known and known.checksum != checksum and known.galaxies.exists():
        raise BundleError(
            f"{path} is not the bundle that galaxies of {known} were painted by; give it another version."
        )
    version = known or ModelVersion(version=manifest["version"])
    version.trained = manifest.get("created", "")
    version.n_clusters = manifest["n_clusters"]
    version.resolution = manifest["resolution"]
    version.families = manifest["families"]
    version.credit = manifest.get("credit", "")
    version.checksum = checksum
    version.encoder_checksum = manifest["files"].get("encoder.npz", "")
    version.size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    version.metrics = _numbers(path)
    version.full_clean()
    version.save()
    if activate:
        activate_version(version)
    return version


def remember_metrics(version: ModelVersion) -> None:
    """Copy what an evaluation has just written into the bundle to where pages look for it."""
    version.metrics = _numbers(version.path)
    version.save(update_fields=["metrics"])


def _numbers(path: Path) -> dict[str, Any] | None:
    """metrics.json without the long lists of values that only the model's own page draws."""
    metrics = read_metrics(path)
    return metrics and {name: value for name, value in metrics.items() if name != "distributions"}


def activate_version(version: ModelVersion) -> None:
    """Make it the one that new galaxies come from; every process follows within seconds."""
    with transaction.atomic():
        list(ModelVersion.objects.select_for_update().order_by("pk"))  # whoever activates another one waits
        # Whoever rolls back looks for the date; a row from before there was one has none.
        ModelVersion.objects.filter(is_active=True, activated=None).update(activated=F("registered"))
        ModelVersion.objects.filter(is_active=True).update(is_active=False)
        ModelVersion.objects.filter(pk=version.pk).update(is_active=True, archived=False, activated=timezone.now())
    version.refresh_from_db()


def register_store() -> list[str]:
    """Register the bundles of settings.MODELS_STORE that are new, and activate the newest where none is active.

    Returns: a sentence for everything done or refused.
    Raises: BundleError if none is active and the newest is damaged.
    """
    # Without the checksum it was registered before there was this column.
    known = set(ModelVersion.objects.exclude(encoder_checksum="").values_list("version", flat=True))
    done = []
    for path in _stored():
        if path.name not in known:
            try:
                done.append(f"Registered model version {register_bundle(path)}.")
            except BundleError as error:
                done.append(f"Left out: {error}")
    if ModelVersion.active() is None:
        newest = max(_stored(), key=_created, default=None)
        if newest:
            done.append(f"Activated model version {register_bundle(newest, activate=True)}.")
    return done


def _stored() -> list[Path]:
    """The store's bundles; what begins with a dot is not finished, or on its way out."""
    folders = (manifest.parent for manifest in settings.MODELS_STORE.glob("*/manifest.json"))
    return sorted(folder for folder in folders if not folder.name.startswith("."))


def _created(path: Path) -> str:
    return str(read_manifest(path).get("created", ""))


def verify_active() -> ModelVersion | None:
    """The active version, its files checked. Raises: BundleError if one is missing or damaged."""
    active = ModelVersion.active()
    if active:
        verify(active.path)
    return active
