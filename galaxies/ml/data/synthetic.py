"""Galaxies drawn from Sersic profiles and spiral arms: data for tests and demonstrations, free to share.

    images, kinds = draw(2000, resolution=64, seed=0)       # (2000, 64, 64, 3) uint8, 2000 names

Light profile: Sersic 1963; b_n after Ciotti & Bertin 1999. Arms are logarithmic spirals on an exponential disc.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Images
from galaxies.ml.data.records import Dataset
from galaxies.ml.data.split import is_held_out

KINDS = ("smooth_round", "smooth_inbetween", "edge_on", "spiral")
SKY = 6.0
SKY_NOISE = 3.0
WARM, BLUE = np.array([1.0, 0.8, 0.55]), np.array([0.75, 0.85, 1.0])


def draw(count: int, resolution: int, seed: int = 0) -> tuple[Images, tuple[str, ...]]:
    """`count` galaxies of four kinds in equal shares: (count, R, R, 3) uint8 and the kind of each."""
    random = np.random.default_rng(seed)
    kinds = tuple(KINDS[i % len(KINDS)] for i in range(count))
    return np.stack([_galaxy(kind, resolution, random) for kind in kinds]), kinds


def dataset(count: int, resolution: int, seed: int = 0) -> Dataset:
    """Drawn galaxies as a Dataset, split by the checksum of their pixels as files are."""
    images, kinds = draw(count, resolution, seed)
    digests = tuple(hashlib.sha256(image.tobytes()).hexdigest() for image in images)
    held_out = np.array([is_held_out(digest) for digest in digests])
    return Dataset(images, held_out, kinds, digests, f"{count} drawn galaxies")


def _galaxy(kind: str, side: int, random: np.random.Generator) -> Images:
    ratio = {
        "smooth_round": random.uniform(0.85, 1.0),
        "smooth_inbetween": random.uniform(0.45, 0.75),
        "edge_on": random.uniform(0.12, 0.25),
        "spiral": random.uniform(0.6, 1.0),
    }[kind]
    index = {"smooth_round": 3.5, "smooth_inbetween": 2.5, "edge_on": 1.0, "spiral": 1.0}[kind]
    size = random.uniform(0.06, 0.13) * (1.4 if kind in ("edge_on", "spiral") else 1.0)
    x, y = _plane(side, random.uniform(0, np.pi), ratio)
    radius = np.hypot(x, y) / size
    light = sersic(radius, index)
    colour = WARM * random.uniform(0.9, 1.0)
    if kind == "spiral":
        pitch, turn = random.uniform(2.0, 3.5), random.uniform(0, 2 * np.pi)
        arms = 1 + 0.8 * np.cos(2 * np.arctan2(y, x) + pitch * np.log(radius + 0.2) * 2 + turn)
        disc, bulge = light * arms, sersic(radius * 3, 2.5)
        pixels = disc[..., None] * BLUE + bulge[..., None] * colour
    else:
        pixels = light[..., None] * colour
    pixels = pixels / pixels.max() * random.uniform(110, 230)
    noisy = pixels + SKY + random.normal(0, SKY_NOISE, pixels.shape)
    return np.asarray(np.clip(noisy, 0, 255).round(), np.uint8)


def _plane(side: int, angle: float, ratio: float) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    grid = (np.arange(side) - (side - 1) / 2) / side
    u, v = np.meshgrid(grid, grid)
    return u * np.cos(angle) + v * np.sin(angle), (v * np.cos(angle) - u * np.sin(angle)) / ratio


def sersic(radius: npt.NDArray[Any], index: float) -> npt.NDArray[Any]:
    """Sersic profile of index n at radii in half-light radii, 1 at radius 1."""
    b = 2 * index - 1 / 3 + 4 / (405 * index)
    return np.asarray(np.exp(-b * (radius ** (1 / index) - 1)))
