"""What a view or a command calls: registering and activating bundles, painting galaxies, the files of a galaxy."""

import hashlib
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import User
from galaxies import images, tallies
from galaxies.facts import read_metrics
from galaxies.manifests import verify_all
from galaxies.ml.bundle import BundleError, read_manifest, verify
from galaxies.models import MAX_SEED, Galaxy, ModelVersion, Vote
from galaxies.serving import Image, service

VARIATION_MIX = 0.25
DELETE_CHUNK = 500


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


def current_version() -> ModelVersion | None:
    """The version that this process paints with; before its model is loaded, the active one."""
    loaded = ModelVersion.objects.filter(version=service().version).first() if service().version else None
    return loaded or ModelVersion.active()


def generate(
    version: ModelVersion, *, cluster: int | None, seed: int | None, psi: float, creator: User | None = None
) -> Galaxy:
    """Paint and store a new galaxy. Without a cluster one is drawn by the families' shares, without a seed a new one.

    Raises: Busy if the generator cannot answer now.
    """
    cluster = draw_cluster(version) if cluster is None else cluster
    galaxy = Galaxy(model_version=version, cluster=cluster, seed=new_seed() if seed is None else seed, psi=psi)
    return _paint(galaxy, creator)


def draw_cluster(version: ModelVersion) -> int:
    """A family, as often as its share of the real galaxies."""
    shares = [family["share"] for family in version.families]
    return int(secrets.SystemRandom().choices(version.families, weights=shares)[0]["id"])


def vary(original: Galaxy, creator: User | None = None) -> Galaxy:
    """Paint and store a galaxy near another: its latent, with a quarter of a new one of the same family mixed in.

    A variation of a variation starts from the first recipe again, since a recipe has room for two latents.
    Raises: Busy if the generator cannot answer now.
    """
    galaxy = Galaxy(
        model_version=original.model_version,
        cluster=original.cluster,
        seed=original.seed,
        psi=original.psi,
        cluster2=original.cluster,
        seed2=new_seed(),
        mix=VARIATION_MIX,
    )
    return _paint(galaxy, creator)


def new_seed() -> int:
    """Any seed."""
    return secrets.randbelow(MAX_SEED + 1)


def _paint(galaxy: Galaxy, creator: User | None) -> Galaxy:
    return keep(galaxy, service().paint(galaxy.recipe), creator)


def keep(galaxy: Galaxy, image: Image, creator: User | None) -> Galaxy:
    """Store a new galaxy with its image (H, W, 3) uint8."""
    galaxy.creator = creator
    galaxy.image.save("", ContentFile(images.webp(image)), save=False)
    with transaction.atomic():
        galaxy.save()
        tallies.add({tallies.of_galaxy(galaxy): 1})
    return galaxy


def image_file(galaxy: Galaxy, kind: str) -> bytes:
    """The galaxy as "webp", "png" or "fits". PNG and FITS are painted from the recipe, and so is a lost WebP.

    Raises: Busy if the generator is needed and cannot answer now; BundleError if its version cannot be loaded.
    """
    if kind == "png":
        return images.png(service().paint(galaxy.recipe), galaxy)
    if kind == "fits":
        return images.fits(service().paint(galaxy.recipe), galaxy)
    try:
        with galaxy.image.storage.open(str(galaxy.image.name)) as file:
            return bytes(file.read())
    except FileNotFoundError:
        content = images.webp(service().paint(galaxy.recipe))
        galaxy.image.save("", ContentFile(content), save=False)
        # This column alone: votes may have been cast while it was painted.
        Galaxy.objects.filter(pk=galaxy.pk).update(image=str(galaxy.image.name))
        return content


def delete_galaxies(galaxies: QuerySet[Galaxy]) -> None:
    """Delete galaxies with their votes and stored images, some hundreds at once."""
    while chunk := list(galaxies.only("image")[:DELETE_CHUNK]):
        going = Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in chunk])
        with transaction.atomic():
            locked = list(going.select_for_update().order_by("pk").values_list("pk", flat=True))
            gone = tallies.counted(going, Vote.objects.filter(galaxy__in=locked))
            going.delete()
            changes: Counter[tallies.Entry] = Counter()
            changes.subtract(gone)
            tallies.add(changes)
        for galaxy in chunk:
            galaxy.image.storage.delete(str(galaxy.image.name))
