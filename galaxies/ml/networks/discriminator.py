"""What the generator is trained against.

    discriminator = build_discriminator(config, (40, 80, 128, 192), feature_network)
    real, mismatched = discriminator(views, images, [labels, other_labels])      # (N, heads) logits each

One head learns from pixels; the projected heads see images through the maps of a self-supervised feature network that
stays as it is (Sauer et al. 2021, Kumari et al. 2022): they know forms of galaxies from the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.generator import GeneratorConfig
from galaxies.ml.networks.layers import Trunk, activate, conv, scaled
from galaxies.ml.workers import ALONE, Workers

VIEW_CHANNELS = 11  # galaxies.ml.gan.augment.expand_channels


@dataclass(frozen=True)
class HeadConfig:
    """Projected heads. side: px of the largest map that one sees; finer ones are left to the pixel discriminator."""

    side: int = 16
    channels: int = 64


def minibatch_deviation(x: Tensor, workers: Workers = ALONE) -> Tensor:
    """Return x (N, r, r, C) with one more channel: the mean standard deviation over the batch (Karras et al. 2018).

    workers: x is the share of this one; the deviation is that of the whole batch.
    """
    x32 = ops.cast(x, "float32")
    variance = ops.var(x32, axis=0) if workers.count == 1 else workers.variance(x32)
    deviation = ops.mean(ops.sqrt(variance + 1e-8))
    plane = ops.ones_like(x[..., :1]) * ops.cast(deviation, x.dtype)
    return ops.concatenate([x, plane], axis=-1)


class ProjectionLogit(layers.Layer):
    """(features (N, d), labels (N, k)) -> (N,) float32 logits, projected on the label (Miyato & Koyama 2018)."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.logit = layers.Dense(1, dtype="float32")
        self.embedding = layers.Dense(channels, use_bias=False, dtype="float32", kernel_initializer=scaled(1.0))

    def call(self, x: Tensor, labels: Tensor) -> Tensor:
        return self.logit(x)[:, 0] + ops.sum(x * self.embedding(labels), axis=1) / x.shape[-1] ** 0.5


class ProjectedHead(layers.Layer):
    """A map (N, r, r, C) of the feature network -> (N, d): convolutions and average pooling down to 4 px."""

    def __init__(self, side: int, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.down = [conv(channels) for _ in range((side // 4).bit_length() - 1)]
        self.last = conv(channels)
        self.dense = layers.Dense(channels, dtype="float32")

    def call(self, x: Tensor) -> Tensor:
        for layer in self.down:
            x = ops.average_pool(activate(layer(x)), 2)
        x = ops.cast(activate(self.last(x)), "float32")
        return activate(self.dense(ops.reshape(x, (-1, 16 * x.shape[-1]))))


class Discriminator(keras.Model):
    """(views (N, R, R, 11), images (N, R, R, 3), labels) -> a list of (N, heads) float32 logits, one for each label.

    labels: one or several (N, k), each with logits of its own: they cost next to nothing beside the views.
    """

    def __init__(
        self,
        channels: Sequence[int],
        feature_network: keras.Model | None = None,
        heads: HeadConfig = HeadConfig(),
        *,
        workers: Workers = ALONE,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.workers = workers
        self.trunk = Trunk(channels)
        self.last = conv(channels[-1])
        self.dense = layers.Dense(channels[-1], dtype="float32")
        self.logits = [ProjectionLogit(channels[-1])]
        self.feature_network, self.heads = feature_network, []
        if feature_network is not None:
            feature_network.trainable = False
            config = feature_network.config
            halved = (config.resolution >> i + 1 for i in range(len(config.channels)))
            self.heads = [ProjectedHead(side, heads.channels) for side in halved if side <= heads.side]
            self.logits += [ProjectionLogit(heads.channels) for _ in self.heads]

    def call(self, views: Tensor, images: Tensor, labels: Sequence[Tensor]) -> list[Tensor]:
        x = activate(self.last(minibatch_deviation(self.trunk(views)[-1], self.workers)))
        features = [activate(self.dense(ops.reshape(ops.cast(x, "float32"), (-1, 16 * x.shape[-1]))))]
        if self.feature_network is not None:
            maps = self.feature_network.maps(images)[-len(self.heads) :]
            features += [head(x) for head, x in zip(self.heads, maps, strict=True)]
        return [
            ops.stack([logit(x, each) for logit, x in zip(self.logits, features, strict=True)], axis=1)
            for each in labels
        ]


def build_discriminator(
    config: GeneratorConfig,
    channels: Sequence[int],
    feature_network: keras.Model | None = None,
    heads: HeadConfig = HeadConfig(),
    *,
    workers: Workers = ALONE,
) -> Discriminator:
    """Return a discriminator of images of `build_generator(config)`, with all its weights made.

    feature_network: an encoder (galaxies.ml.features.encoder) of the generator's resolution that stays as it is; None
    for pixels alone. workers: of a batch of which each sees its share.
    """
    discriminator = Discriminator(channels, feature_network, heads, workers=workers)
    side = config.resolution
    views = np.zeros((2, side, side, VIEW_CHANNELS), "float32")
    discriminator(views, views[..., :3], [np.eye(2, config.n_clusters, dtype="float32")])
    return discriminator
