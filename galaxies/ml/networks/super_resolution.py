"""A x2 super-resolution stage and its patch critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.layers import Trunk, activate, conv, scaled, upsample


@dataclass(frozen=True)
class StageConfig:
    """A learned x2 stage: `resolution` is that of its output, `channels` at its input, `top` at its output."""

    resolution: int
    channels: int = 40
    blocks: int = 2
    top: int = 20


class Stage(keras.Model):
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

    def call(self, images: Tensor, noise: Tensor) -> Tensor:
        x = activate(self.stem(images))
        for first, second in self.blocks:
            x = x + 0.5 * second(activate(first(x)))
        x = ops.cast(upsample(self.up(activate(x))), x.dtype)
        x = ops.concatenate([activate(x), ops.cast(noise, x.dtype)], axis=-1)
        images = ops.cast(images, "float32")
        made = upsample(images) + self.second(activate(self.first(x)))
        return made + ops.repeat(ops.repeat(images - ops.average_pool(made, 2), 2, axis=1), 2, axis=2)


class PatchCritic(keras.Model):
    """(x2 images, their up-sampled inputs) -> (N, h, w) logits, one for each patch (Isola et al. 2017).

    It sees the detail alone, `detail` times enlarged: beside the light of a galaxy the grain of the sky is too faint.
    """

    def __init__(self, channels: Sequence[int], detail: float, **options: Any) -> None:
        super().__init__(**options)
        self.detail = detail
        self.trunk = Trunk(channels)
        self.logit = layers.Conv2D(1, 3, padding="same", dtype="float32")

    def call(self, images: Tensor, condition: Tensor) -> Tensor:
        detail = (images - condition) * self.detail
        return self.logit(self.trunk(ops.concatenate([detail, condition], axis=-1))[-1])[..., 0]


def build_stage(config: StageConfig) -> Stage:
    """Return a x2 stage with all its weights made."""
    stage, side = Stage(config), config.resolution
    stage(np.zeros((1, side // 2, side // 2, 3), "float32"), np.zeros((1, side, side, 1), "float32"))
    return stage
