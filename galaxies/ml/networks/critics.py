"""What super-resolution and refinement are trained against: a critic of detail, and heads on frozen maps.

logits = DetailCritic((32, 48), 16.0)(images)       # (N, h, w), one for each patch
logits = PatchHead()(maps, labels)                  # (N, r / 4, r / 4)
logits = PooledHead()(features, labels)             # (N, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.layers import Trunk, activate, scaled, upsample


class DetailCritic(keras.Model):
    """images (N, R, R, 3) -> (N, h, w) logits, one for each patch (Isola et al. 2017).

    It sees what averaging 2 x 2 and 4 x 4 pixels takes away, `detail` times enlarged: beside the light of a galaxy the
    grain of the sky is too faint to be learned.
    """

    def __init__(self, channels: Sequence[int], detail: float, **options: Any) -> None:
        super().__init__(**options)
        self.detail = detail
        self.trunk = Trunk(channels)
        self.logit = layers.Conv2D(1, 3, padding="same", dtype="float32")

    def call(self, images: Tensor) -> Tensor:
        lost = [(images - upsample(ops.average_pool(images, f), f)) * self.detail for f in (2, 4)]
        return self.logit(self.trunk(ops.concatenate([images, *lost], axis=-1))[-1])[..., 0]


class PatchHead(layers.Layer):
    """A frozen map (N, r, r, C), and labels (N, k) if there are any -> (N, r / 4, r / 4) logits.

    A fixed random mixing of channels comes before what learns: else a head looks at a few of them alone (Sauer et al.
    2021). Labels count by projection (Miyato & Koyama 2018).
    """

    def __init__(self, mixed: int = 64, channels: int = 64, **options: Any) -> None:
        super().__init__(**options)
        self.mixing = layers.Conv2D(mixed, 1, kernel_initializer=scaled(1.0), trainable=False)
        self.down = [layers.Conv2D(channels, 3, 2, padding="same", kernel_initializer="he_normal") for _ in range(2)]
        self.logit = layers.Conv2D(1, 3, padding="same", kernel_initializer=scaled(1.0), dtype="float32")
        self.embedding = layers.Dense(channels, use_bias=False, dtype="float32", kernel_initializer=scaled(1.0))

    def build(self, x_shape: Any, labels_shape: Any = None) -> None:
        for layer in (self.mixing, *self.down, self.logit):
            layer.build(x_shape)
            x_shape = (*x_shape[:-1], layer.filters)
        if labels_shape is not None:
            self.embedding.build(labels_shape)

    def call(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.mixing(x)
        for layer in self.down:
            x = activate(layer(x))
        logits = self.logit(x)[..., 0]
        if labels is None:
            return logits
        return logits + ops.sum(x * self.embedding(labels)[:, None, None], axis=-1) / x.shape[-1] ** 0.5


class PooledHead(layers.Layer):
    """Features of a whole image (N, C), and labels (N, k) if there are any -> (N, 1) logits.

    Patches know texture; whether all of an image goes together is for this one.
    """

    def __init__(self, channels: Sequence[int] = (256, 64), **options: Any) -> None:
        super().__init__(**options)
        self.dense = [layers.Dense(c, kernel_initializer="he_normal") for c in channels]
        self.logit = layers.Dense(1, kernel_initializer=scaled(1.0), dtype="float32")
        self.embedding = layers.Dense(channels[-1], use_bias=False, dtype="float32", kernel_initializer=scaled(1.0))

    def build(self, x_shape: Any, labels_shape: Any = None) -> None:
        for layer in (*self.dense, self.logit):
            layer.build(x_shape)
            x_shape = (*x_shape[:-1], layer.units)
        if labels_shape is not None:
            self.embedding.build(labels_shape)

    def call(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        for layer in self.dense:
            x = activate(layer(x))
        logits = self.logit(x)
        if labels is None:
            return logits
        return logits + ops.sum(x * self.embedding(labels), axis=-1, keepdims=True) / x.shape[-1] ** 0.5
