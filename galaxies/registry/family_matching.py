"""Match the families of one model version with those of another.

matched = match_families(old, new)
matched.pairs[0]                        # Pair(a family of the old or None, one of the new or None, percent they share)
nearest_family(old, 3, new)             # what to offer where the old version generates no more
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image as PillowImage

from galaxies.jobs import Image
from galaxies.ml.bundle import Bundle, BundleError, read_manifest
from galaxies.models import ModelVersion
from galaxies.serving import Busy, service

if TYPE_CHECKING:
    from galaxies.ml.arrays import Labels

Family = dict[str, Any]
NOT_READ = (BadZipFile, BundleError, LookupError, OSError, TypeError, ValueError)


@dataclass(frozen=True)
class Pair:
    """Two families that correspond; None where one has no partner. shared: percent of all images of the two."""

    a: Family | None
    b: Family | None
    shared: float | None = None


@dataclass(frozen=True)
class Matched:
    """All families of two versions in pairs. by_images: matched by the training images they share, not by name."""

    pairs: tuple[Pair, ...]
    by_images: bool


def match_families(a: ModelVersion, b: ModelVersion) -> Matched:
    """Match families by shared training images or, if the versions learned from different ones, by name and number."""
    if shared := _shared_labels(a, b):
        return Matched(_by_images(a, b, *shared), by_images=True)
    return Matched(_by_name(a, b), by_images=False)


def nearest_family(old: ModelVersion, cluster: int, new: ModelVersion) -> Family | None:
    """Return the family of `new` nearest to a cluster of `old`, None if nothing tells which that is.

    By the training images that both share, else by the exemplars as the encoder of `new` sees them, else by name.
    """
    if shared := _shared_labels(old, new):
        in_old, in_new = shared
        members = in_new[in_old == cluster]
        return new.family(int(np.bincount(members).argmax())) if len(members) else None
    try:
        return _by_exemplars(old, cluster, new)
    except (Busy, *NOT_READ):
        name = next((family["name"] for family in old.families if family["id"] == cluster), None)
        return next((family for family in new.families if family["name"] == name), None)


def _by_exemplars(old: ModelVersion, cluster: int, new: ModelVersion) -> Family:
    side = new.resolution
    pictures: list[Image] = []
    for name in old.family(cluster)["exemplars"]:
        with PillowImage.open(old.path / name) as picture:
            pictures.append(np.asarray(picture.convert("RGB").resize((side, side), PillowImage.Resampling.BOX)))
    features = service().features_many(new.version, np.stack(pictures))
    distances = Bundle(new.path, read_manifest(new.path)).clusters.distances(features)
    return new.family(int(distances.mean(axis=0).argmin()))


def _shared_labels(a: ModelVersion, b: ModelVersion) -> "tuple[Labels, Labels] | None":
    """Return the family of each training image in both versions, None if they did not learn from the same images."""
    try:
        (from_a, in_a), (from_b, in_b) = _labels(a.path, a.checksum), _labels(b.path, b.checksum)
    except NOT_READ:
        return None
    return (in_a, in_b) if from_a == from_b != "" and len(in_a) == len(in_b) > 0 else None


@lru_cache(maxsize=8)
def _labels(path: Path, checksum: str) -> "tuple[str, Labels]":
    """Return the fingerprint of a bundle's training data, and the family (N,) int64 of each of these images."""
    manifest = read_manifest(path)
    labels: Labels = Bundle(path, manifest).arrays("features.npz")["clusters"].astype("int64")
    return manifest.get("data", {}).get("fingerprint", ""), labels


def _by_images(a: ModelVersion, b: ModelVersion, in_a: "Labels", in_b: "Labels") -> tuple[Pair, ...]:
    from galaxies.ml.features.clusters import match_ids  # imports take a second, which only a comparison needs

    swapped = in_a.max() > in_b.max()  # each family of the side with fewer gets a partner
    fewer, more = (in_b, in_a) if swapped else (in_a, in_b)
    order = match_ids(fewer, more, int(more.max()) + 1)[: int(fewer.max()) + 1]
    matches = [(other, one) if swapped else (one, other) for one, other in enumerate(order)]
    pairs: list[tuple[int, int, float | None]] = []
    for one, other in matches:
        both, either = (in_a == one) & (in_b == other), (in_a == one) | (in_b == other)
        pairs.append((one, other, float(100 * both.sum() / max(1, either.sum()))))
    return _complete(a, b, pairs)


def _by_name(a: ModelVersion, b: ModelVersion) -> tuple[Pair, ...]:
    names = {family["name"]: family["id"] for family in b.families}
    found = {family["id"]: names[family["name"]] for family in a.families if family["name"] in names}
    free = {family["id"] for family in b.families} - set(found.values())
    for family in a.families:
        if family["id"] not in found and family["id"] in free:
            found[family["id"]] = family["id"]
            free.remove(family["id"])
    return _complete(a, b, [(one, other, None) for one, other in found.items()])


def _complete(a: ModelVersion, b: ModelVersion, pairs: list[tuple[int, int, float | None]]) -> tuple[Pair, ...]:
    """Return pairs in the order of the first version's families, then those without a partner."""
    known_a, known_b = ({family["id"]: family for family in version.families} for version in (a, b))
    pairs = sorted(pair for pair in pairs if pair[0] in known_a and pair[1] in known_b)
    alone_a = known_a.keys() - {one for one, _, _ in pairs}
    alone_b = known_b.keys() - {other for _, other, _ in pairs}
    return (
        *(Pair(known_a[one], known_b[other], shared) for one, other, shared in pairs),
        *(Pair(known_a[one], None) for one in sorted(alone_a)),
        *(Pair(None, known_b[other]) for other in sorted(alone_b)),
    )
