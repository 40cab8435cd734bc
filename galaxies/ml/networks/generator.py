"""The generator, in pure Keras 3 layers.

    generator = build_generator(GeneratorConfig(n_clusters=8))
    noise = [np.random.standard_normal((4, r, r, 1)) for r in generator.noise_resolutions]
    images = generator(generator.map(z, labels), noise)      # (4, 64, 64, 3) around [-1, 1]

Styles scale the channels of every convolution and its output is normalised again (Karras et al. 2020, StyleGAN2);
each layer gets a noise plane of its own. Convolutions come before the bilinear up-sampling where they can: a quarter
of the arithmetic, and no grid to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.layers import StyledConv, activate, scaled, upsample


@dataclass(frozen=True)
class GeneratorConfig:
    """channels: of the 4, 8, 16, ... px stages; the last one's resolution is the generator's."""

    n_clusters: int
    z_dim: int = 64
    w_dim: int = 128
    channels: tuple[int, ...] = (192, 128, 80, 40, 12)

    @property
    def resolution(self) -> int:
        return int(4 * 2 ** (len(self.channels) - 1))


class Generator(keras.Model):
    """map: (z, labels) -> w; call: (w, noise) -> images (N, R, R, 3) around [-1, 1].

    labels are (N, n_clusters) weights that sum to 1: one-hot, or in between for a blend of two families.
    """

    def __init__(self, config: GeneratorConfig, **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.embedding = layers.Dense(config.z_dim // 2, use_bias=False, kernel_initializer=scaled(config.n_clusters))
        self.mapping = [layers.Dense(config.w_dim, kernel_initializer="he_normal") for _ in range(2)]
        self.root = layers.Dense(16 * config.channels[0])
        self.before = [StyledConv(c) for c in config.channels[1:]]
        self.after = [StyledConv(c) for c in config.channels[1:]]
        self.first = StyledConv(config.channels[0])
        self.to_rgb = [layers.Conv2D(3, 1, dtype="float32", kernel_initializer=scaled(0.1)) for _ in config.channels]

    def build(self, *_: Any) -> None:
        size = self.config.resolution
        self.mean_image = self.add_weight(
            shape=(size, size, 3), initializer="zeros", trainable=False, name="mean_image"
        )
        self.w_mean = self.add_weight(
            shape=(self.config.n_clusters, self.config.w_dim), initializer="zeros", trainable=False, name="w_mean"
        )
        self.built = True

    @property
    def noise_resolutions(self) -> list[int]:
        """Sides of the noise planes that a call wants, in their order."""
        sides = [4]
        for stage in range(1, len(self.config.channels)):
            sides += [4 * 2 ** (stage - 1), 4 * 2**stage]
        return sides

    def map(self, z: Tensor, labels: Tensor) -> Tensor:
        """z (N, z_dim) float, labels (N, n_clusters) float -> w (N, w_dim)."""
        w = ops.concatenate([z, ops.cast(self.embedding(labels), z.dtype)], axis=1)
        for dense in self.mapping:
            w = activate(dense(w))
        return w

    def truncate(self, w: Tensor, labels: Tensor, psi: Tensor) -> Tensor:
        """Pull w towards its family's mean: psi (N, 1) = 0 is the mean itself, 1 leaves w (Karras et al. 2019)."""
        mean = ops.matmul(labels, self.w_mean)
        return mean + psi * (ops.cast(w, "float32") - mean)

    def call(self, w: Tensor, noise: Sequence[Tensor]) -> Tensor:
        planes = iter(noise)
        x = ops.reshape(activate(self.root(w)), (-1, 4, 4, self.config.channels[0]))
        x = self.first(x, w, next(planes))
        rgb = self.to_rgb[0](x)
        for before, after, to_rgb in zip(self.before, self.after, self.to_rgb[1:], strict=True):
            x = ops.cast(upsample(before(x, w, next(planes))), x.dtype)
            x = after(x, w, next(planes))
            rgb = upsample(rgb) + to_rgb(x)
        return rgb + self.mean_image


def build_generator(config: GeneratorConfig) -> Generator:
    """Return a generator with all its weights made."""
    generator = Generator(config)
    generator.build()
    w = generator.map(np.zeros((1, config.z_dim), "float32"), np.eye(1, config.n_clusters, dtype="float32"))
    generator(w, [np.zeros((1, r, r, 1), "float32") for r in generator.noise_resolutions])
    return generator
