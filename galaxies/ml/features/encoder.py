"""Latent features without labels: what K-Means cuts into families, and what judges the generated images.

    encoder = train_encoder(images, EncoderConfig(), Budget(minutes=10), run, print)
    features = encode(encoder, images)         # (N, 128) float32

Two views of a galaxy, turned, mirrored, zoomed and blurred, shall have like features, and unlike those of all other
galaxies of the batch (Chen et al. 2020, SimCLR). Colour is physical and never shifted; half of the views have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from galaxies.ml.arrays import Features, Images
from galaxies.ml.data.resize import centre, shrink
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.mixed_precision import dtype_policy, faster_policy
from galaxies.ml.networks.layers import Trunk, activate, to_float

TEMPERATURE = 0.2
ZOOM = (0.9, 1.5)
SHIFT = 2.0  # px
BLUR_SHARE = 0.5
GREY_SHARE = 0.5
GAIN = (0.6, 1.6)
DISC = (0.25, 0.6)  # radius of what is left of the surroundings, as a share of the side
NOISE = 0.02
STRETCH = 10.0
LEARNING_RATE = 1e-3
ENCODE_BATCH = 64


@dataclass(frozen=True)
class EncoderConfig:
    """resolution: the side to which images are shrunk before they are encoded.

    zooms: what is encoded, side by side: 1 is the whole image, 2 its central half, where the form of a galaxy lies.
    """

    resolution: int = 64
    channels: tuple[int, ...] = (40, 80, 128, 192)
    features: int = 128
    batch: int = 256
    zooms: tuple[int, ...] = (1,)


class Encoder(keras.Model):  # type: ignore[misc]
    """images (N, R, R, 3) in [-1, 1] -> features (N, d) float32."""

    def __init__(self, config: EncoderConfig, **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.trunk = Trunk(config.channels)
        self.head = layers.Dense(config.features, dtype="float32")

    def maps(self, images: Any) -> list[Any]:
        """The maps of all stages (galaxies.ml.networks.generator.Trunk) of images whose faint light is stretched."""
        x = ops.arcsinh(ops.maximum(images + 1, 0) * (STRETCH / 2)) / np.arcsinh(STRETCH)
        maps: list[Any] = self.trunk(2 * x - 1)
        return maps

    def call(self, images: Any) -> Any:
        return self.head(ops.mean(ops.cast(self.maps(images)[-1], "float32"), axis=(1, 2)))


def build_encoder(config: EncoderConfig) -> Encoder:
    """An encoder with all its weights made."""
    encoder = Encoder(config)
    encoder(np.zeros((1, config.resolution, config.resolution, 3), "float32"))
    return encoder


def turned(images: Any, seed: Any) -> Any:
    """One view: (N, R, R, 3) in [-1, 1] -> the same shape.

    Turned by any angle, mirrored, zoomed and shifted a little, half of them blurred, half of them grey, with noise:
    brightness and surroundings are left.
    """
    view = _turned(images + 1.0, tf.random.stateless_uniform([6, tf.shape(images)[0]], seed))
    return view + NOISE * tf.random.stateless_normal(tf.shape(view), tf.random.fold_in(seed, 7)) - 1.0


def augment(images: Any, seed: Any) -> Any:
    """As `turned`, and brighter or fainter, without what lies outside a disc: only form tells galaxies apart."""
    n, side = tf.shape(images)[0], images.shape[1]
    u = tf.random.stateless_uniform([8, n], seed)
    view = _turned(images + 1.0, u[:6])
    gain = GAIN[0] * (GAIN[1] / GAIN[0]) ** u[6]
    grid = (tf.range(side, dtype=tf.float32) - (side - 1) / 2) / side
    radius = tf.sqrt(grid[:, None] ** 2 + grid[None] ** 2)[None]
    disc = tf.sigmoid(30 * (DISC[0] + (DISC[1] - DISC[0]) * u[7][:, None, None] - radius))
    view = view * (gain[:, None, None] * disc)[..., None]
    return view + NOISE * tf.random.stateless_normal(tf.shape(view), tf.random.fold_in(seed, 7)) - 1.0


def _turned(images: Any, u: Any) -> Any:
    sharp = _turn_and_zoom(images, u[:5])
    blurred = tf.nn.avg_pool2d(tf.nn.avg_pool2d(sharp, 2, 1, "SAME"), 2, 1, "SAME")
    view = tf.where((u[5] < BLUR_SHARE)[:, None, None, None], blurred, sharp)
    grey = tf.broadcast_to(tf.reduce_mean(view, axis=3, keepdims=True), tf.shape(view))
    return tf.where((u[2] * 2 % 1 < GREY_SHARE)[:, None, None, None], grey, view)


def _turn_and_zoom(images: Any, u: Any) -> Any:
    side = images.shape[1]
    angle = u[0] * (2 * np.pi)
    zoom = ZOOM[0] * (ZOOM[1] / ZOOM[0]) ** u[1]
    mirror = tf.where(u[2] < 0.5, -1.0, 1.0)
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    centre = (side - 1) / 2
    dx, dy = centre + (2 * u[3] - 1) * SHIFT, centre + (2 * u[4] - 1) * SHIFT
    a, b, c, d = cos * mirror, -sin, sin * mirror, cos
    zeros = tf.zeros_like(a)
    matrix = tf.stack([a, b, dx - a * centre - b * centre, c, d, dy - c * centre - d * centre, zeros, zeros], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=matrix,
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def contrastive_loss(a: Any, b: Any) -> Any:
    """NT-Xent over the 2N views of N images (Chen et al. 2020, eq. 1); a, b: (N, d)."""
    x = tf.math.l2_normalize(tf.concat([a, b], 0), axis=1)
    n = tf.shape(a)[0]
    logits = tf.matmul(x, x, transpose_b=True) / TEMPERATURE - 1e9 * tf.eye(2 * n)
    partner = tf.concat([tf.range(n, 2 * n), tf.range(n)], 0)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(partner, logits))


def train_encoder(
    images: Images,
    config: EncoderConfig,
    budget: Budget,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    name: str = "encoder",
    view: Callable[[Any, Any], Any] = augment,
) -> Encoder:
    """Self-supervised training on (N, R, R, 3) uint8 images of the encoder's resolution.

    name: of the phase and its checkpoint; view: (images, seed) -> what two views of a galaxy shall agree in.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    with dtype_policy(faster_policy()):
        encoder = build_encoder(config)
    projector = keras.Sequential([layers.Dense(256, activation="relu"), layers.Dense(64)])
    projector.build((None, config.features))
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=1e-4)
    weights = encoder.trainable_variables + projector.trainable_variables
    optimizer.build(weights)
    data = tf.constant(images)
    batch = min(config.batch, len(images))

    @tf.function
    def step(number: Any, rate: Any) -> Any:
        optimizer.learning_rate.assign(rate)
        key = tf.stack([seed, number])
        picked = tf.random.stateless_uniform([batch], key, maxval=len(images), dtype=tf.int32)
        x = to_float(tf.gather(data, picked))
        views = tf.concat([view(x, tf.random.fold_in(key, 1)), view(x, tf.random.fold_in(key, 2))], 0)
        with tf.GradientTape() as tape:
            a, b = tf.split(projector(activate(encoder(views))), 2)
            loss = contrastive_loss(a, b)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    def train(number: int) -> dict[str, Any]:
        share = budget.share_done(number * batch, phase.seconds)
        rate = LEARNING_RATE * min(1.0, (number + 1) / 100) * (0.5 + 0.5 * np.cos(np.pi * share))
        return {"contrastive": step(tf.constant(number), tf.constant(rate, tf.float32))}

    state = {"encoder": encoder, "projector": projector, "optimizer": optimizer}
    phase = Phase(name, train, state, batch)
    run_phase(phase, budget, run, reporter)
    trained = build_encoder(config)
    trained.set_weights(encoder.get_weights())
    return trained


def make_encode(encoder: Encoder, zooms: tuple[int, ...] | None = None) -> Callable[[Images], Features]:
    """A function (N, R, R, 3) uint8 -> (N, d) float32, the features of all zooms (the encoder's own, if not given).

    R / zoom is a multiple of the encoder's side, or divides it.
    """
    side = encoder.config.resolution
    zooms = zooms or encoder.config.zooms

    @tf.function(input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8)])
    def forward(images: Any) -> Any:
        return encoder(to_float(images))

    def encode(images: Images) -> Features:
        features = [np.empty((0, encoder.config.features * len(zooms)), np.float32)]
        for start in range(0, len(images), ENCODE_BATCH):
            part = images[start : start + ENCODE_BATCH]
            features.append(np.concatenate([forward(shrink(centre(part, z), side)).numpy() for z in zooms], axis=1))
        return np.concatenate(features)

    return encode
