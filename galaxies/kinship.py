"""How a picture lies among what a model knows: the families, real galaxies, the galaxies of the gallery.

    families = kin(version, features)               # the nearest family first
    nearest_in_gallery(version, features)           # galaxies, the nearest first; raises Busy
    nearer_real(version, features, other)           # how many real galaxies are more like it than `other` is

Distances are Euclidean, of features scaled to length 1, as families are cut by them.
"""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from django.core.cache import cache
from PIL import Image as PillowImage

from galaxies.family_words import in_words
from galaxies.ml.arrays import Features, Floats
from galaxies.ml.bundle import Bundle, read_manifest
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import service

GALLERY = 400  # galaxies of the gallery that are looked through, the best liked first
NEAREST = 6
BATCH = 32  # images on the generator's queue at once: others come between
KEPT_SECONDS = 7 * 24 * 3600
UNLIKE = 99.0  # percent of real galaxies that are nearer to another than this is to any


@dataclass(frozen=True)
class Kin:
    """A family beside a picture.

    width: its distance in percent of the farthest family's; farther: percent of the family's real members that lie
    farther from its middle than the picture does.
    """

    family: dict[str, Any]
    distance: float
    width: float
    farther: float


@dataclass(frozen=True)
class _Real:
    """Real galaxies of a bundle.

    features: (N, d) of length 1; distances: (N,) of each to the middle of its family; nearest: of the held-out ones to
    the nearest of the others.
    """

    features: Floats
    clusters: Any
    distances: Floats
    nearest: Floats


def kin(version: ModelVersion, features: Features) -> list[Kin]:
    """Return every family with its distance to features (d,), the nearest first. Raises: BundleError."""
    distances = _bundle(version.path, version.checksum).clusters.distances(features[None])[0]
    real = _real(version.path, version.checksum)
    found = []
    for cluster in np.argsort(distances):
        members = real.distances[real.clusters == cluster]
        farther = float(100 * np.mean(members > distances[cluster])) if len(members) else 0.0
        width = 100 * float(distances[cluster] / max(distances.max(), 1e-9))  # 100 * x / x may be more than 100
        found.append(Kin(in_words(version.family(int(cluster))), float(distances[cluster]), width, farther))
    return found


def is_unlike(version: ModelVersion, features: Features) -> bool:
    """Whether features (d,) are farther from every real galaxy than nearly all of these are from one another."""
    real = _real(version.path, version.checksum)
    if not len(real.nearest):
        return False
    return bool(_distances(features, real.features).min() > np.percentile(real.nearest, UNLIKE))


def nearer_real(version: ModelVersion, features: Features, other: Features) -> tuple[int, int]:
    """Return how many real galaxies are nearer to features (d,) than `other` (d,) is, and of how many."""
    real = _real(version.path, version.checksum)
    distances = _distances(features, real.features)
    return int(np.sum(distances < distance(features, other))), len(distances)


def distance(features: Features, other: Features) -> float:
    """Return the distance of features (d,) to others (d,)."""
    return float(_distances(features, unit(other[None]))[0])


def nearest_in_gallery(version: ModelVersion, features: Features) -> list[Galaxy]:
    """Return the NEAREST galaxies of a version among the GALLERY best liked. Raises: Busy."""
    listed = Galaxy.objects.gallery("best").filter(model_version=version).select_related("model_version")[:GALLERY]
    known = _features_of(version, list(listed))
    if not known:
        return []
    galaxies = list(known)
    order = np.argsort(_distances(features, unit(np.stack([known[each] for each in galaxies]))), kind="stable")
    return [galaxies[number] for number in order[:NEAREST]]


def unit(features: Features) -> Floats:
    """Return features (N, d) scaled to length 1."""
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9), np.float32)


def _distances(features: Features, others: Floats) -> Floats:
    return np.asarray(np.linalg.norm(others - unit(features[None]), axis=1))


def _features_of(version: ModelVersion, galaxies: list[Galaxy]) -> dict[Galaxy, Features]:
    """Return features by galaxy, from the cache or of their stored images; galaxies without one are left out."""
    keys = {f"features:{version.checksum[:16]}:{galaxy.public_id}": galaxy for galaxy in galaxies}
    found = {keys[key]: np.frombuffer(value, np.float32) for key, value in cache.get_many(list(keys)).items()}
    missing = [(galaxy, image) for galaxy in galaxies if galaxy not in found and (image := _stored(galaxy)) is not None]
    for start in range(0, len(missing), BATCH):
        part = missing[start : start + BATCH]
        encoded = service().features_many(version.version, np.stack([image for _galaxy, image in part]))
        found |= {galaxy: row for (galaxy, _image), row in zip(part, encoded, strict=True)}
    new = {key: found[galaxy].tobytes() for key, galaxy in keys.items() if galaxy in {each for each, _ in missing}}
    cache.set_many(new, KEPT_SECONDS)
    return {galaxy: found[galaxy] for galaxy in galaxies if galaxy in found}


def _stored(galaxy: Galaxy) -> Any:
    side = galaxy.model_version.resolution
    try:
        with galaxy.image.storage.open(str(galaxy.image.name)) as file, PillowImage.open(BytesIO(file.read())) as image:
            return np.asarray(image.convert("RGB")) if image.size == (side, side) else None
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=2)
def _bundle(path: Path, checksum: str) -> Bundle:
    return Bundle(path, read_manifest(path))


@lru_cache(maxsize=2)
def _real(path: Path, checksum: str) -> _Real:
    bundle = _bundle(path, checksum)
    real = bundle.real
    features = unit(real.features)
    to_middles = bundle.clusters.distances(real.features)[np.arange(len(features)), real.clusters]
    held_out, training = features[real.held_out], features[~real.held_out]
    squares = np.maximum(2 - 2 * held_out @ training.T, 0)
    return _Real(features, real.clusters, to_middles, np.sqrt(squares.min(axis=1)))
