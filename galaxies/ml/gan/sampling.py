"""Real images that are drawn more often than others, with every family as often as before.

weights = weigh(likes, clusters)                  # (N,), mean 1 in every family
rows = draw(len(weights), 32, key, weights)       # (32,) row numbers
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from galaxies.ml.arrays import Weights


def weigh(likes: Weights, clusters: npt.NDArray[np.integer[Any]]) -> Weights:
    """Weights (N,) in proportion to likes (N,) above 0 within every family (N,), with mean 1 in each.

    So the labels that the networks see, and every number by family, keep their meaning.
    """
    means = np.bincount(clusters, likes) / np.maximum(np.bincount(clusters), 1)
    return np.asarray(likes / means[clusters], np.float64)


def draw(count: int, batch: int, key: Any, weights: Weights | None = None) -> Any:
    """(batch,) int32 row numbers below `count`, each as often as its weight says, with replacement."""
    if weights is None:
        return tf.random.stateless_uniform([batch], key, maxval=count, dtype=tf.int32)
    ends = tf.constant(np.cumsum(weights) / weights.sum())
    drawn = tf.random.stateless_uniform([batch], key, dtype=tf.float64)
    return tf.minimum(tf.searchsorted(ends, drawn, side="right"), count - 1)


def thinned(weights: Weights, seed: int) -> npt.NDArray[np.bool_]:
    """(N,) bool: a sample of what `weights` draws, with nothing in it twice, because KID would take that for likeness.

    What the adversary is shown is what its best state must be near, so it is what the judge compares with.
    """
    return np.asarray(np.random.default_rng(seed).random(len(weights)) < weights / weights.max())
