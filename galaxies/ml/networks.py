"""Generator, discriminator, encoder trunk and x2 stages, all in pure Keras 3 layers.

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

SLOPE = 0.2
GAIN = 2**0.5  # of a leaky rectifier, so that a layer keeps its input's variance


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


@dataclass(frozen=True)
class StageConfig:
    """A learned x2 stage: `resolution` is that of its output, `channels` at its input, `top` at its output."""

    resolution: int
    channels: int = 40
    blocks: int = 2
    top: int = 20


def conv(channels: int, size: int = 3, **options: Any) -> layers.Conv2D:
    return layers.Conv2D(channels, size, padding="same", kernel_initializer="he_normal", **options)


def _upsample(x: Any) -> Any:
    return ops.image.resize(x, (x.shape[1] * 2, x.shape[2] * 2), interpolation="bilinear")


def activate(x: Any) -> Any:
    return ops.leaky_relu(x, SLOPE)


class StyledConv(layers.Layer):  # type: ignore[misc]
    """3 x 3 convolution scaled by a style and normalised again, plus noise, bias and leaky rectifier."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels
        self.conv = conv(channels, use_bias=False)

    def build(self, x_shape: Any, w_shape: Any = None, noise_shape: Any = None) -> None:
        self.style = layers.Dense(x_shape[-1], bias_initializer="ones", kernel_initializer=scaled(0.5))
        self.style.build(w_shape)
        self.conv.build(x_shape)
        self.bias = self.add_weight(shape=(self.channels,), initializer="zeros", name="bias")
        self.noise_strength = self.add_weight(shape=(self.channels,), initializer="zeros", name="noise_strength")

    def call(self, x: Any, w: Any, noise: Any) -> Any:
        style = self.style(w)
        kernel = ops.sum(ops.square(ops.cast(self.conv.kernel, "float32")), axis=(0, 1))
        norm = ops.rsqrt(ops.matmul(ops.square(ops.cast(style, "float32")), kernel) + 1e-6)
        x = self.conv(x * style[:, None, None, :]) * ops.cast(norm, x.dtype)[:, None, None, :] * GAIN
        return activate(x + noise * self.noise_strength + self.bias)


def scaled(scale: float) -> Any:
    return keras.initializers.VarianceScaling(scale, mode="fan_in", distribution="normal")


class Generator(keras.Model):  # type: ignore[misc]
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

    def map(self, z: Any, labels: Any) -> Any:
        """z (N, z_dim) float, labels (N, n_clusters) float -> w (N, w_dim)."""
        w = ops.concatenate([z, ops.cast(self.embedding(labels), z.dtype)], axis=1)
        for dense in self.mapping:
            w = activate(dense(w))
        return w

    def truncate(self, w: Any, labels: Any, psi: Any) -> Any:
        """Pull w towards its family's mean: psi (N, 1) = 0 is the mean itself, 1 leaves w (Karras et al. 2019)."""
        mean = ops.matmul(labels, self.w_mean)
        return mean + psi * (ops.cast(w, "float32") - mean)

    def call(self, w: Any, noise: Sequence[Any]) -> Any:
        planes = iter(noise)
        x = ops.reshape(activate(self.root(w)), (-1, 4, 4, self.config.channels[0]))
        x = self.first(x, w, next(planes))
        rgb = self.to_rgb[0](x)
        for before, after, to_rgb in zip(self.before, self.after, self.to_rgb[1:], strict=True):
            x = ops.cast(_upsample(before(x, w, next(planes))), x.dtype)
            x = after(x, w, next(planes))
            rgb = _upsample(rgb) + to_rgb(x)
        return rgb + self.mean_image


class ResidualDown(layers.Layer):  # type: ignore[misc]
    """Two 3 x 3 convolutions with average pooling between, beside a 1 x 1 one: halves the resolution."""

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(**options)
        self.channels = channels

    def build(self, shape: Any) -> None:
        self.first = conv(shape[-1])
        self.second = conv(self.channels)
        self.skip = conv(self.channels, 1, use_bias=False)
        for layer in (self.first, self.second, self.skip):
            layer.build((*shape[:-1], shape[-1]))

    def call(self, x: Any) -> Any:
        y = ops.average_pool(activate(self.first(x)), 2)
        return (activate(self.second(y)) + self.skip(ops.average_pool(x, 2))) * 0.5**0.5


class Trunk(keras.Model):  # type: ignore[misc]
    """images (N, R, R, C0) -> maps [(N, R/2, R/2, C1), (N, R/4, R/4, C2), ...]: what discriminators and encoders share.

    Squares of 2 x 2 pixels become channels first: nothing is lost, and no convolution runs at full resolution.
    """

    def __init__(self, channels: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.stem = conv(channels[0])
        self.down = [ResidualDown(c) for c in channels[1:]]

    def call(self, images: Any) -> list[Any]:
        n, side, channels = images.shape[0], images.shape[1] // 2, images.shape[3]
        squares = ops.reshape(images, (-1 if n is None else n, side, 2, side, 2, channels))
        squares = ops.reshape(ops.transpose(squares, (0, 1, 3, 2, 4, 5)), (-1, side, side, 4 * channels))
        maps = [activate(self.stem(squares))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        return maps


class LatentEncoder(keras.Model):  # type: ignore[misc]
    """(images, labels) -> mean and log variance of z, (N, z_dim) each: the other half of the warm start."""

    def __init__(self, z_dim: int, channels: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.trunk = Trunk(channels)
        self.hidden = layers.Dense(256, dtype="float32")
        self.head = layers.Dense(2 * z_dim, dtype="float32")

    def call(self, images: Any, labels: Any) -> Any:
        x = self.trunk(images)[-1]
        x = ops.cast(ops.reshape(x, (-1, 16 * x.shape[-1])), "float32")
        x = self.head(activate(self.hidden(ops.concatenate([x, labels], axis=1))))
        return ops.split(x, 2, axis=1)


class Stage(keras.Model):  # type: ignore[misc]
    """A learned x2 stage: (images (N, R, R, 3), noise (N, 2R, 2R, 1)) -> (N, 2R, 2R, 3).

    Averaging 2 x 2 pixels of what it makes gives its input back, exactly: it adds detail and changes nothing else.
    """

    def __init__(self, config: StageConfig, **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.stem = conv(config.channels)
        self.blocks = [(conv(config.channels), conv(config.channels)) for _ in range(config.blocks)]
        self.up = conv(config.top)
        self.first = conv(config.top)
        self.second = layers.Conv2D(3, 3, padding="same", kernel_initializer=scaled(0.1), dtype="float32")

    def call(self, images: Any, noise: Any) -> Any:
        x = activate(self.stem(images))
        for first, second in self.blocks:
            x = x + 0.5 * second(activate(first(x)))
        x = ops.cast(_upsample(self.up(activate(x))), x.dtype)
        x = ops.concatenate([activate(x), ops.cast(noise, x.dtype)], axis=-1)
        images = ops.cast(images, "float32")
        made = _upsample(images) + self.second(activate(self.first(x)))
        return made + ops.repeat(ops.repeat(images - ops.average_pool(made, 2), 2, axis=1), 2, axis=2)


class PatchCritic(keras.Model):  # type: ignore[misc]
    """(x2 images, their up-sampled inputs) -> (N, h, w) logits, one for each patch (Isola et al. 2017).

    It sees the detail alone, enlarged: beside the light of a galaxy the grain of the sky is too faint to be learned.
    """

    DETAIL = 16.0

    def __init__(self, channels: Sequence[int] = (32, 48), **options: Any) -> None:
        super().__init__(**options)
        self.trunk = Trunk(channels)
        self.logit = layers.Conv2D(1, 3, padding="same", dtype="float32")

    def call(self, images: Any, condition: Any) -> Any:
        detail = (images - condition) * self.DETAIL
        return self.logit(self.trunk(ops.concatenate([detail, condition], axis=-1))[-1])[..., 0]


def build_generator(config: GeneratorConfig) -> Generator:
    """A generator with all its weights made."""
    generator = Generator(config)
    generator.build()
    w = generator.map(np.zeros((1, config.z_dim), "float32"), np.eye(1, config.n_clusters, dtype="float32"))
    generator(w, [np.zeros((1, r, r, 1), "float32") for r in generator.noise_resolutions])
    return generator


def build_latent_encoder(config: GeneratorConfig, channels: Sequence[int]) -> LatentEncoder:
    """The encoder of the conditional VAE whose decoder is `build_generator(config)`."""
    encoder = LatentEncoder(config.z_dim, channels)
    encoder(*_blank(config))
    return encoder


def build_stage(config: StageConfig) -> Stage:
    """A x2 stage with all its weights made."""
    stage, side = Stage(config), config.resolution
    stage(np.zeros((1, side // 2, side // 2, 3), "float32"), np.zeros((1, side, side, 1), "float32"))
    return stage


def _blank(config: GeneratorConfig) -> tuple[Any, Any]:
    size = config.resolution
    return np.zeros((2, size, size, 3), "float32"), np.eye(2, config.n_clusters, dtype="float32")
