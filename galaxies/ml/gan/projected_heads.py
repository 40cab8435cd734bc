"""Discriminator heads on frozen ImageNet features, and statistics of these features matched to those of real images.

    heads = ProjectedHeads(network, side=128)              # galaxies.ml.features.pretrained
    logits = heads(heads.maps(images))          # a list of (N, h, w), with `pooled` one of (N, 1) behind them

Sauer et al. 2021, with a relativistic loss (Jolicoeur-Martineau 2019) in place of hinges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.features.pretrained import Pretrained
from galaxies.ml.gan.grain import LEAST
from galaxies.ml.gan.losses import relativistic_loss
from galaxies.ml.networks.critics import PatchHead, PooledHead
from galaxies.ml.workers import ALONE, Workers


class ProjectedHeads(keras.Model):
    """One head for each of the network's maps of images of `side` px, conditioned on one of `families`, if any.

    pooled: and one for the network's pooled features, its look at an image as a whole.
    """

    def __init__(
        self, network: Pretrained, side: int, families: int = 0, *, pooled: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        self.network, self.pooled = network, pooled
        maps = self.maps(tf.zeros([1, side, side, 3]))
        self.heads = [PooledHead() if m.shape.rank == 2 else PatchHead() for m in maps]
        self.statistics = map_statistics(maps).shape[1]
        self(maps, tf.zeros([1, families]) if families else None)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the frozen maps of images (N, R, R, 3) around [-1, 1], and the logarithm of what is pooled (N, C).

        Pooled features are averages of what is never below 0, and half of them are nearly always nearly that.
        """
        if not self.pooled:
            return self.network.maps(images)
        *maps, pooled = self.network.maps_and_pooled(images)
        return [*maps, tf.math.log(pooled + 0.01)]

    def call(self, maps: Sequence[Tensor], labels: Tensor | None = None) -> list[Tensor]:
        return [head(x, labels) for head, x in zip(self.heads, maps, strict=True)]


def map_statistics(maps: Sequence[Tensor]) -> Tensor:
    """Return mean and log standard deviation over each image of every channel of its maps; (N, C) as they are."""
    found = []
    for x in maps:
        if x.shape.rank == 2:
            found.append(x)
            continue
        mean, variance = tf.nn.moments(x, axes=[1, 2])
        found += [mean, 0.5 * tf.math.log(variance + 1e-4)]
    return tf.concat(found, axis=1)


class RunningMoments(keras.layers.Layer):
    """Running mean and mean square over images of some statistics of each, one row for each kind of image."""

    def __init__(self, kinds: int, width: int, workers: Workers = ALONE, **options: Any) -> None:
        super().__init__(**options)
        self.workers = workers
        shape = (kinds, width)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.square = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="square")
        self.count = self.add_weight(shape=(kinds,), initializer="zeros", trainable=False, name="count")

    def update(self, kind: int, statistics: Tensor, memory: float) -> tuple[Tensor, Tensor]:
        """Add statistics (N, width) of one kind, remembering `memory` images; return its mean and standard deviation.

        Gradients pass to the statistics as if the running moments were theirs alone, so that a long memory does not
        make for small steps. Of several workers, each adds its share of a batch, and the batch counts.
        """
        n = tf.cast(tf.shape(statistics)[0] * self.workers.count, tf.float32)
        keep = tf.minimum(self.count[kind] / (self.count[kind] + n), memory / (memory + n))
        found = []
        for running, value in ((self.mean, statistics), (self.square, statistics**2)):
            (fresh,) = self.workers.mean([tf.reduce_mean(value, axis=0)])
            held = tf.stop_gradient(keep * running[kind] + (1 - keep) * fresh)
            running.assign(tf.tensor_scatter_nd_update(running, [[kind]], held[None]))
            found.append(held + fresh - tf.stop_gradient(fresh))
        self.count.assign(tf.tensor_scatter_nd_update(self.count, [[kind]], [self.count[kind] + n]))
        mean, square = found
        return mean, tf.sqrt(tf.maximum(square - mean**2, LEAST**2))


def moment_distance(real: tuple[Tensor, Tensor], generated: tuple[Tensor, Tensor]) -> Tensor:
    """Return how far mean and standard deviation (width,) of generated images are from real ones: 0 for none."""
    mean, deviation = (tf.stop_gradient(part) for part in real)
    shift = tf.square((generated[0] - mean) / deviation)
    spread = tf.square(tf.math.log(generated[1] / deviation))
    return tf.reduce_mean(shift + spread)


def relativistic_losses(better: Sequence[Tensor], worse: Sequence[Tensor]) -> list[Tensor]:
    """Return the relativistic loss of every head, from its logits: small where `better` has the higher ones."""
    return [tf.reduce_mean(relativistic_loss(b, w)) for b, w in zip(better, worse, strict=True)]


def mean_square(logits: Sequence[Tensor]) -> Tensor:
    """Return the mean square of all heads' logits, which keeps those without a gradient penalty from running away."""
    return tf.add_n([tf.reduce_mean(x**2) for x in logits]) / float(np.float32(len(logits)))
