"""Draw batches of real images, some of them more often than others, every family as often as before.

weights = sampling_weights(likes, clusters)            # (N,), mean 1 in every family
rows = draw_rows(len(weights), 32, seed, weights)      # (32,) row numbers
x, y = draw_batch(data, 32, seed)                      # images (32, R, R, 3) in [-1, 1], one-hot labels (32, k)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from galaxies.ml.arrays import Images, Labels, Tensor, Weights
from galaxies.ml.gan.augment import random_symmetry
from galaxies.ml.networks.layers import to_float

fold_in = tf.random.fold_in


@dataclass(frozen=True)
class LabelledImages:
    """images: (N, R, R, 3) uint8 of the training split; labels: (N,) the family of each, of n_clusters.

    weights: (N,) above 0, how often each is drawn relative to the others; None draws all alike.
    """

    images: Images
    labels: Labels
    n_clusters: int
    weights: Weights | None = None

    @cached_property
    def tensors(self) -> tuple[Tensor, Tensor]:
        """Images and labels, copied to TensorFlow once."""
        with tf.init_scope():  # outside of any graph that is being traced
            return tf.constant(self.images), tf.constant(self.labels)


def sampling_weights(likes: Weights, clusters: Labels) -> Weights:
    """Return weights (N,) in proportion to likes (N,) above 0 within every family (N,), with mean 1 in each.

    So the labels that the networks see, and every number by family, keep their meaning.
    """
    means = np.bincount(clusters, likes) / np.maximum(np.bincount(clusters), 1)
    return np.asarray(likes / means[clusters], np.float64)


def draw_rows(count: int, batch: int, seed: Tensor, weights: Weights | None = None) -> Tensor:
    """Return (batch,) int32 row numbers below `count`, each as often as its weight says, with replacement."""
    if weights is None:
        return tf.random.stateless_uniform([batch], seed, maxval=count, dtype=tf.int32)
    ends = tf.constant(np.cumsum(weights) / weights.sum())
    drawn = tf.random.stateless_uniform([batch], seed, dtype=tf.float64)
    return tf.minimum(tf.searchsorted(ends, drawn, side="right"), count - 1)


def draw_batch(data: LabelledImages, batch: int, seed: Tensor) -> tuple[Tensor, Tensor]:
    """Return random images (batch, R, R, 3) in [-1, 1], each in a random symmetry, and one-hot labels (batch, k)."""
    images, labels = data.tensors
    rows = draw_rows(len(data.images), batch, seed, data.weights)
    x = random_symmetry(to_float(tf.gather(images, rows)), fold_in(seed, 1))
    return x, tf.one_hot(tf.gather(labels, rows), data.n_clusters)


def noise_planes(n: int, sides: Sequence[int], seed: Tensor) -> list[Tensor]:
    """Return standard normal planes (n, r, r, 1), one for each side r."""
    return [tf.random.stateless_normal([n, r, r, 1], fold_in(seed, 101 + i)) for i, r in enumerate(sides)]


def other_labels(labels: Tensor, seed: Tensor) -> Tensor:
    """Return one-hot labels (N, k) of a random other family for each of (N, k); the same where there is but one."""
    n, k = tf.shape(labels)[0], labels.shape[1]
    steps = tf.random.stateless_uniform([n], seed, 1, max(2, k), tf.int32)
    return tf.one_hot((tf.argmax(labels, axis=1, output_type=tf.int32) + steps) % k, k)


def thinned(weights: Weights, seed: int) -> npt.NDArray[np.bool_]:
    """Return (N,) bool: a sample of what `weights` draws, with nothing in it twice, which KID would take for likeness.

    What the discriminator is shown is what the best state must be near, so KID is measured against that.
    """
    return np.asarray(np.random.default_rng(seed).random(len(weights)) < weights / weights.max())
