"""Batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from galaxies.ml.arrays import Images, Weights
from galaxies.ml.gan.augment import turn
from galaxies.ml.gan.sampling import draw
from galaxies.ml.networks.layers import to_float

fold_in = tf.random.fold_in


@dataclass(frozen=True)
class Conditioned:
    """images: (N, R, R, 3) uint8 of the training split; clusters: (N,) int, the family of each.

    weights: (N,) above 0, how often each is drawn relative to the others; None draws all alike.
    """

    images: Images
    clusters: npt.NDArray[np.int64]
    n_clusters: int
    weights: Weights | None = None


def noise_planes(n: int, resolutions: list[int], seed: Any) -> list[Any]:
    """Standard normal planes (n, r, r, 1), one for each resolution."""
    return [tf.random.stateless_normal([n, r, r, 1], fold_in(seed, 101 + i)) for i, r in enumerate(resolutions)]


def draw_batch(
    images: Any, clusters: Any, n_clusters: int, batch: int, key: Any, weights: Weights | None = None
) -> tuple[Any, Any]:
    picked = draw(images.shape[0], batch, key, weights)
    x = turn(to_float(tf.gather(images, picked)), fold_in(key, 1))
    return x, tf.one_hot(tf.gather(clusters, picked), n_clusters)
