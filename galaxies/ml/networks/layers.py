"""Layers that networks share, in pure Keras 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from galaxies.ml.arrays import Tensor

SLOPE = 0.2
GAIN = 2**0.5  # of a leaky rectifier, so that a layer keeps its input's variance


def conv(channels: int, size: int = 3, **options: Any) -> layers.Conv2D:
    """Return a convolution that keeps the side of its input."""
    return layers.Conv2D(channels, size, padding="same", kernel_initializer="he_normal", **options)


def upsample(x: Tensor, factor: int = 2) -> Tensor:
    """Return x (N, r, r, C) as (N, f r, f r, C), bilinearly."""
    return ops.image.resize(x, (x.shape[1] * factor, x.shape[2] * factor), interpolation="bilinear")


def activate(x: Tensor) -> Tensor:
    """Return x through a leaky rectifier."""
    return ops.leaky_relu(x, SLOPE)


class StyledConv(layers.Layer):
    """3 x 3 convolution scaled by a style and normalised again, plus noise, bias and leaky rectifier."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels
        self.conv = conv(channels, use_bias=False)

    def build(self, x_shape: Tensor, w_shape: Tensor = None, noise_shape: Tensor = None) -> None:
        self.style = layers.Dense(x_shape[-1], bias_initializer="ones", kernel_initializer=scaled(0.5))
        self.style.build(w_shape)
        self.conv.build(x_shape)
        self.bias = self.add_weight(shape=(self.channels,), initializer="zeros", name="bias")
        self.noise_strength = self.add_weight(shape=(self.channels,), initializer="zeros", name="noise_strength")

    def call(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        style = self.style(w)
        kernel = ops.sum(ops.square(ops.cast(self.conv.kernel, "float32")), axis=(0, 1))
        norm = ops.rsqrt(ops.matmul(ops.square(ops.cast(style, "float32")), kernel) + 1e-6)
        x = self.conv(x * style[:, None, None, :]) * ops.cast(norm, x.dtype)[:, None, None, :] * GAIN
        return activate(x + noise * self.noise_strength + self.bias)


def scaled(scale: float) -> Any:
    return keras.initializers.VarianceScaling(scale, mode="fan_in", distribution="normal")


class ResidualDown(layers.Layer):
    """Two 3 x 3 convolutions with average pooling between, beside a 1 x 1 one: halves the resolution."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels

    def build(self, shape: Tensor) -> None:
        self.first = conv(shape[-1])
        self.second = conv(self.channels)
        self.skip = conv(self.channels, 1, use_bias=False)
        for layer in (self.first, self.second, self.skip):
            layer.build((*shape[:-1], shape[-1]))

    def call(self, x: Tensor) -> Tensor:
        y = ops.average_pool(activate(self.first(x)), 2)
        return (activate(self.second(y)) + self.skip(ops.average_pool(x, 2))) * 0.5**0.5


class Trunk(keras.Model):
    """images (N, R, R, C0) -> maps [(N, R/2, R/2, C1), (N, R/4, R/4, C2), ...]: what discriminators and encoders share.

    Squares of 2 x 2 pixels become channels first: nothing is lost, and no convolution runs at full resolution.
    """

    def __init__(self, channels: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.stem = conv(channels[0])
        self.down = [ResidualDown(c) for c in channels[1:]]

    def call(self, images: Tensor) -> list[Tensor]:
        n, side, channels = images.shape[0], images.shape[1] // 2, images.shape[3]
        squares = ops.reshape(images, (-1 if n is None else n, side, 2, side, 2, channels))
        squares = ops.reshape(ops.transpose(squares, (0, 1, 3, 2, 4, 5)), (-1, side, side, 4 * channels))
        maps = [activate(self.stem(squares))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        return maps


def to_float(images: Tensor) -> Tensor:
    """Return images, uint8 0 to 255, as float32 -1 to 1."""
    return ops.cast(images, "float32") / 127.5 - 1.0
