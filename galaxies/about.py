"""What the page "How it works" draws from a bundle: the map of real galaxies, one latent on its way to an image.

drawn = feature_map(version)                    # raises BundleError
picture = latent_step(version, 2)               # a WebP; raises Busy
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from django.core.cache import cache

from galaxies import images
from galaxies.ml.arrays import Floats
from galaxies.ml.bundle import Bundle, read_manifest
from galaxies.ml.bundle.latents import normals
from galaxies.models import ModelVersion
from galaxies.recipe import Recipe
from galaxies.serving import service

POINTS = 1500  # of the real galaxies that the map shows: more make the page heavy and the map no clearer
WIDTH, HEIGHT, MARGIN = 600.0, 400.0, 14.0
TAIL = 0.5  # percent on either side that may lie outside
CARD = 150.0  # the side of a family's exemplars on the map

SEED = 42
STEPS = (0.0, 0.3, 0.6, 0.9, 1.2)  # variety of the images between a family's mean and a galaxy of its own
NUMBERS = 64  # of a seed that are drawn
KEPT_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Place:
    """A family on the map. dots: an SVG path of its galaxies; x, y: its middle; left, top: where its exemplars go."""

    id: int
    dots: str
    x: float
    y: float
    left: float
    top: float


@dataclass(frozen=True)
class FeatureMap:
    """Real galaxies on the two main axes of their features. shown: how many, of `total`."""

    places: tuple[Place, ...]
    shown: int
    total: int


def feature_map(version: ModelVersion) -> FeatureMap:
    """Return the map of the real galaxies that a version learned from. Raises: BundleError if its files are missing."""
    return _feature_map(version.path, version.checksum)


@lru_cache(maxsize=2)
def _feature_map(path: Path, checksum: str) -> FeatureMap:
    bundle = Bundle(path, read_manifest(path))
    real = bundle.real
    flat = bundle.clusters.project(real.features)[:, :2]
    low, high = np.percentile(flat, [TAIL, 100 - TAIL], axis=0)
    chosen = np.arange(0, len(flat), max(1, -(-len(flat) // POINTS)))
    points = _on_paper(flat[chosen], low, high)
    middles = _on_paper(bundle.clusters.centroids[:, :2], low, high)
    labels = real.clusters[chosen]
    places = tuple(_place(k, points[labels == k], middle) for k, middle in enumerate(middles))
    return FeatureMap(places, len(chosen), len(flat))


def _on_paper(points: Floats, low: Floats, high: Floats) -> Floats:
    """Return points (N, 2) in the map's viewBox; what lies outside of low and high comes to its edge."""
    share = np.clip((points - low) / np.maximum(high - low, 1e-9), 0, 1)
    size = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    return np.asarray(MARGIN + size * np.column_stack([share[:, 0], 1 - share[:, 1]]))


def _place(cluster: int, points: Floats, middle: Floats) -> Place:
    x, y = float(middle[0]), float(middle[1])
    left = x + MARGIN if x < WIDTH / 2 else x - MARGIN - CARD
    top = min(max(y - CARD / 2, 2.0), HEIGHT - CARD - 2)
    dots = "".join(f"M{px:.0f} {py:.0f}h0" for px, py in points)
    return Place(cluster, dots, round(x, 1), round(y, 1), round(left, 1), round(top, 1))


def latent_bars() -> list[tuple[float, float]]:
    """Return y and height of a bar for each of the first NUMBERS of the seed, in a viewBox NUMBERS x 60."""
    return [(round(30 - max(z, 0) * 10, 1), round(abs(z) * 10, 1)) for z in normals(SEED, NUMBERS).clip(-3, 3).tolist()]


def latent_step(version: ModelVersion, step: int) -> bytes:
    """Return the image of the seed at STEPS[step] as WebP. Raises: Busy; BundleError if there is no such bundle."""
    key = f"about:{version.checksum[:16]}:{step}"
    known: bytes | None = cache.get(key)
    if known is None:
        cluster = min(1, version.n_clusters - 1)
        known = images.webp(service().sample(Recipe(version.version, cluster, SEED, STEPS[step])))
        cache.set(key, known, KEPT_SECONDS)
    return known
