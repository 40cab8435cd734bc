"""What the generator is trained against.

    discriminator = build_discriminator(config, (40, 80, 128, 192), eyes)
    real, misnamed = discriminator(looks, images, [labels, wrong_labels])      # (N, judges) each

One judge learns from pixels; the others look through the features of a self-supervised encoder that stays as it is
(Sauer et al. 2021, Kumari et al. 2022): they know forms of galaxies from the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.networks.generator import GeneratorConfig
from galaxies.ml.networks.layers import Trunk, activate, conv, scaled

EYE_SIDE = 16  # px of the largest map that a head looks at; finer ones are left to the judge of pixels
EYE_CHANNELS = 64


def minibatch_deviation(x: Any) -> Any:
    """One more channel: the mean standard deviation over the batch (Karras et al. 2018)."""
    x32 = ops.cast(x, "float32")
    deviation = ops.mean(ops.sqrt(ops.var(x32, axis=0) + 1e-8))
    plane = ops.ones_like(x[..., :1]) * ops.cast(deviation, x.dtype)
    return ops.concatenate([x, plane], axis=-1)


class Score(layers.Layer):  # type: ignore[misc]
    """(features (N, d), labels) -> (N,) float32 logits, with a projection on the cluster (Miyato & Koyama 2018)."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.logit = layers.Dense(1, dtype="float32")
        self.embedding = layers.Dense(channels, use_bias=False, dtype="float32", kernel_initializer=scaled(1.0))

    def call(self, x: Any, labels: Any) -> Any:
        return self.logit(x)[:, 0] + ops.sum(x * self.embedding(labels), axis=1) / x.shape[-1] ** 0.5


class Head(layers.Layer):  # type: ignore[misc]
    """A map (N, r, r, C) of the eyes -> (N, d) features of a judge: convolutions and average pooling down to 4 px."""

    def __init__(self, side: int, channels: int = EYE_CHANNELS, **options: Any) -> None:
        super().__init__(**options)
        self.down = [conv(channels) for _ in range((side // 4).bit_length() - 1)]
        self.last = conv(channels)
        self.dense = layers.Dense(channels, dtype="float32")

    def call(self, x: Any) -> Any:
        for layer in self.down:
            x = ops.average_pool(activate(layer(x)), 2)
        x = ops.cast(activate(self.last(x)), "float32")
        return activate(self.dense(ops.reshape(x, (-1, 16 * x.shape[-1]))))


class Discriminator(keras.Model):  # type: ignore[misc]
    """looks (N, R, R, 11), images (N, R, R, 3) for the eyes, names -> a list of (N, judges) float32 logits.

    names: one or several labels (N, k), each with logits of its own: they cost next to nothing beside the looks.
    """

    def __init__(self, channels: Sequence[int], eyes: keras.Model | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.trunk = Trunk(channels)
        self.last = conv(channels[-1])
        self.dense = layers.Dense(channels[-1], dtype="float32")
        self.scores = [Score(channels[-1])]
        self.eyes, self.heads = eyes, []
        if eyes is not None:
            eyes.trainable = False
            halved = (eyes.config.resolution >> i + 1 for i in range(len(eyes.config.channels)))
            self.heads = [Head(side) for side in halved if side <= EYE_SIDE]
            self.scores += [Score(EYE_CHANNELS) for _ in self.heads]

    def call(self, looks: Any, images: Any, names: Sequence[Any]) -> list[Any]:
        x = activate(self.last(minibatch_deviation(self.trunk(looks)[-1])))
        features = [activate(self.dense(ops.reshape(ops.cast(x, "float32"), (-1, 16 * x.shape[-1]))))]
        if self.eyes is not None:
            maps = self.eyes.maps(images)[-len(self.heads) :]
            features += [head(x) for head, x in zip(self.heads, maps, strict=True)]
        return [
            ops.stack([score(x, labels) for score, x in zip(self.scores, features, strict=True)], axis=1)
            for labels in names
        ]


def build_discriminator(
    config: GeneratorConfig, channels: Sequence[int], eyes: keras.Model | None = None
) -> Discriminator:
    """A discriminator for the looks at an image of `build_generator(config)`, with all its weights made.

    eyes: an encoder (galaxies.ml.features.encoder) that stays as it is, of the generator's resolution; None for pixels
    alone.
    """
    discriminator = Discriminator(channels, eyes)
    side = config.resolution
    looks = np.zeros((2, side, side, 11), "float32")
    discriminator(looks, looks[..., :3], [np.eye(2, config.n_clusters, dtype="float32")])
    return discriminator
