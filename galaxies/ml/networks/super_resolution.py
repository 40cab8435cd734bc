"""The x2 super-resolution stage of earlier bundles, which stay loadable; nothing trains it any more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from galaxies.ml.arrays import Tensor
from galaxies.ml.networks.layers import activate, conv, scaled, upsample


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


def build_stage(config: StageConfig) -> Stage:
    """Return a x2 stage with all its weights made."""
    stage, side = Stage(config), config.resolution
    stage(np.zeros((1, side // 2, side // 2, 3), "float32"), np.zeros((1, side, side, 1), "float32"))
    return stage
