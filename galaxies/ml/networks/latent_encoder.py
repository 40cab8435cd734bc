"""The encoder of the conditional VAE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.generator import GeneratorConfig
from galaxies.ml.networks.layers import Trunk, activate


class LatentEncoder(keras.Model):
    """(images, labels) -> mean and log variance of z, (N, z_dim) each: the other half of the warm start."""

    def __init__(self, z_dim: int, channels: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.trunk = Trunk(channels)
        self.hidden = layers.Dense(256, dtype="float32")
        self.head = layers.Dense(2 * z_dim, dtype="float32")

    def call(self, images: Tensor, labels: Tensor) -> Tensor:
        x = self.trunk(images)[-1]
        x = ops.cast(ops.reshape(x, (-1, 16 * x.shape[-1])), "float32")
        x = self.head(activate(self.hidden(ops.concatenate([x, labels], axis=1))))
        return ops.split(x, 2, axis=1)


def build_latent_encoder(config: GeneratorConfig, channels: Sequence[int]) -> LatentEncoder:
    """Return the encoder of the conditional VAE whose decoder is `build_generator(config)`."""
    encoder = LatentEncoder(config.z_dim, channels)
    encoder(*_blank(config))
    return encoder


def _blank(config: GeneratorConfig) -> tuple[Tensor, Tensor]:
    size = config.resolution
    return np.zeros((2, size, size, 3), "float32"), np.eye(2, config.n_clusters, dtype="float32")
