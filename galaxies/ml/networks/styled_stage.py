"""A super-resolution stage whose grain and sharpness belong to the image.

    stage = build_styled_stage(StyledStageConfig(256))
    images = stage(small, noise, latent)      # (N, 64, 64, 3), (N, 256, 256, 1), (N, 16) -> (N, 256, 256, 3)

Nearly all of it runs at the side of its input: noise comes in as channels there, and detail leaves by depth-to-space
(Shi et al. 2016). A style for each image, from a latent and from the input as a whole, scales the noise and the
channels of every block (Karras et al. 2020).

An image's grain goes with what can be seen of it when it is small, nearly always: the first numbers of the latent that
a seed decides are what is left open, and a prior, fitted before the training, makes a code of grain of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.detail import DETAIL_STATISTICS, detail_statistics
from galaxies.ml.networks.layers import activate, conv, scaled, upsample

STYLE_SQUARE = 4  # px of the input that become one before the style is taken from it
STYLE_CHANNELS = 32
CODE_REACH = 3.0  # standard deviations that a code of grain goes from its mean, about as far as normal numbers do


@dataclass(frozen=True)
class StyledStageConfig:
    """resolution: of the output, `factor` times that of the input, a power of two.

    channels and blocks: at the side of the input; top: channels at half the side of the output; latent: what the seed
    decides of the style; code: the first of these that are about its grain (0: the stages before there was a code), and
    with a prior; style: its own width.
    """

    resolution: int
    factor: int = 4
    channels: int = 48
    blocks: int = 3
    top: int = 24
    latent: int = 16
    style: int = 64
    code: int = 0

    @property
    def base(self) -> int:
        """The side of the input."""
        return self.resolution // self.factor


def to_depth(x: Tensor, factor: int) -> Tensor:
    """Return x (N, R, R, C) as (N, R / f, R / f, f f C): every square of f x f pixels becomes one of more channels."""
    side, channels = x.shape[1] // factor, x.shape[3]
    squares = ops.reshape(x, (-1, side, factor, side, factor, channels))
    return ops.reshape(ops.transpose(squares, (0, 1, 3, 2, 4, 5)), (-1, side, side, factor * factor * channels))


def to_space(x: Tensor, factor: int) -> Tensor:
    """Return x (N, r, r, f f C) as (N, f r, f r, C), which undoes `to_depth`."""
    side, channels = x.shape[1], x.shape[3] // factor**2
    squares = ops.transpose(ops.reshape(x, (-1, side, side, factor, factor, channels)), (0, 1, 3, 2, 4, 5))
    return ops.reshape(squares, (-1, side * factor, side * factor, channels))


class StyledStage(keras.Model):
    """(images (N, r, r, 3), noise (N, f r, f r, 1), latent (N, l)) -> (N, f r, f r, 3), all around [-1, 1]."""

    def __init__(self, config: StyledStageConfig, **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.glance = conv(STYLE_CHANNELS)
        self.mapping = [layers.Dense(config.style, kernel_initializer="he_normal") for _ in range(2)]
        self.noise_scales = [_scale(n) for n in (config.factor**2, 4)]
        self.stem = conv(config.channels)
        self.blocks = [
            (conv(config.channels), _scale(config.channels), _faint(config.channels)) for _ in range(config.blocks)
        ]
        self.up = conv(config.top * (config.factor // 2) ** 2, 1)
        self.first, self.first_scale = conv(config.top), _scale(config.top)
        self.last = layers.Conv2D(12, 3, padding="same", kernel_initializer=scaled(0.1))
        if config.code:
            self.prior = GrainPrior(config.code)  # the last of all: what learns on from a stage without it adds it

    def told(self, images: Tensor, latent: Tensor) -> Tensor:
        """Return latents (N, l) whose first numbers are a code of grain that suits whole images (N, r, r, 3)."""
        return self.prior(images, latent) if self.config.code else latent

    def style(self, images: Tensor, latent: Tensor) -> Tensor:
        """Return the style (N, style) of whole images (N, r, r, 3) with latents (N, l) that say their grain."""
        x = activate(self.glance(to_depth(images, STYLE_SQUARE)))
        deviation = ops.sqrt(ops.var(x, axis=(1, 2)) + 1e-6)
        w = ops.concatenate([ops.mean(x, axis=(1, 2)), deviation, latent], axis=1)
        for dense in self.mapping:
            w = activate(dense(w))
        return w

    def enlarge(self, images: Tensor, noise: Tensor, w: Tensor) -> Tensor:
        """Return crops (N, p, p, 3) of images as (N, f p, f p, 3), by their noise and the style of the whole."""
        coarse, fine = (scale(w)[:, None, None] for scale in self.noise_scales)
        x = ops.concatenate([images, to_depth(noise, self.config.factor) * coarse], axis=-1)
        x = activate(self.stem(x))
        for first, scale, second in self.blocks:
            x = x + second(activate(first(x)) * scale(w)[:, None, None])
        x = to_space(activate(self.up(x)), self.config.factor // 2)
        x = ops.concatenate([x, to_depth(noise, 2) * fine], axis=-1)
        x = activate(self.first(x)) * self.first_scale(w)[:, None, None]
        return upsample(images, self.config.factor) + to_space(self.last(x), 2)

    def call(self, images: Tensor, noise: Tensor, latent: Tensor) -> Tensor:
        return self.enlarge(images, noise, self.style(images, self.told(images, latent)))


class GrainPrior(layers.Layer):
    """(images (N, r, r, 3), latent (N, l)) -> latent (N, l): its first numbers, standard normal, become a code.

    Weights are those of `galaxies.ml.gan.grain.grain_prior`; without them the code does not heed the image.
    """

    def __init__(self, code: int, **options: Any) -> None:
        super().__init__(**options)
        self.code = code
        shapes = {"kernel": (DETAIL_STATISTICS, code), "bias": (code,)}
        self.kernel, self.bias = (
            self.add_weight(shape=shape, initializer="zeros", trainable=False, name=name)
            for name, shape in shapes.items()
        )
        self.spread = self.add_weight(shape=(code, code), initializer="identity", trainable=False, name="spread")

    def call(self, images: Tensor, latent: Tensor) -> Tensor:
        mean = ops.matmul(detail_statistics(images), self.kernel) + self.bias
        code = ops.clip(mean + ops.matmul(latent[:, : self.code], self.spread), -CODE_REACH, CODE_REACH)
        return ops.concatenate([code, latent[:, self.code :]], axis=1)


def _scale(channels: int) -> layers.Dense:
    return layers.Dense(channels, bias_initializer="ones", kernel_initializer=scaled(0.5))


def _faint(channels: int) -> layers.Conv2D:
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer=scaled(0.2))


def build_styled_stage(config: StyledStageConfig) -> StyledStage:
    """Return a stage with all its weights made."""
    stage = StyledStage(config)
    stage(
        *(np.zeros((1, s, s, c), "float32") for s, c in ((config.base, 3), (config.resolution, 1))),
        np.zeros((1, config.latent), "float32"),
    )
    return stage
