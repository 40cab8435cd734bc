"""Match the families of one model version with those of another.

matched = match_families(old, new)
matched.pairs[0]                        # Pair(a family of the old or None, one of the new or None, percent they share)
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from galaxies.ml.bundle import Bundle, BundleError, read_manifest
from galaxies.models import ModelVersion

if TYPE_CHECKING:
    from galaxies.ml.arrays import Labels

Family = dict[str, Any]


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
    try:
        labels = _labels(a.path, a.checksum), _labels(b.path, b.checksum)
    except (BadZipFile, BundleError, LookupError, OSError, TypeError, ValueError):
        labels = None
    if labels and labels[0][0] == labels[1][0] != "" and len(labels[0][1]) == len(labels[1][1]) > 0:
        return Matched(_by_images(a, b, labels[0][1], labels[1][1]), by_images=True)
    return Matched(_by_name(a, b), by_images=False)


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
