"""Features learned without labels: K-Means cuts them into families, and generated images are compared by them.

    encoder = train_encoder(images, EncoderConfig(), Budget(minutes=10), run=run, reporter=print)
    features = make_encode(encoder)(images)         # (N, 128) float32

Two views of a galaxy, turned, mirrored, zoomed and blurred, shall have like features, and unlike those of all other
galaxies of the batch (Chen et al. 2020, SimCLR). Colour is physical and never shifted; half of the views have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from galaxies.ml.arrays import Features, Images, Tensor
from galaxies.ml.data.resize import area_resize, centre
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.mixed_precision import dtype_policy, faster_policy
from galaxies.ml.networks.layers import Trunk, activate, to_float
from galaxies.ml.schedules import cosine_decay, warm_up

ENCODE_BATCH = 64


@dataclass(frozen=True)
class EncoderConfig:
    """resolution: the side to which images are shrunk before they are encoded.

    zooms: what is encoded, side by side: 1 is the whole image, 2 its central half, where the form of a galaxy lies.
    stretch: how much faint light is enlarged before the first layer.
    """

    resolution: int = 64
    channels: tuple[int, ...] = (40, 80, 128, 192)
    features: int = 128
    batch: int = 256
    zooms: tuple[int, ...] = (1,)
    stretch: float = 10.0


@dataclass(frozen=True)
class ViewSettings:
    """How a view of a galaxy is made: shares are of all views, `zoom` and `gain` ranges are logarithmic, shift in px.

    disc: the range of the radius of what is left of the surroundings, as a share of the side; None keeps them, and the
    brightness, too.
    """

    zoom: tuple[float, float] = (0.9, 1.5)
    shift: float = 2.0
    blur_share: float = 0.5
    grey_share: float = 0.5
    noise: float = 0.02
    gain: tuple[float, float] = (0.6, 1.6)
    disc: tuple[float, float] | None = (0.25, 0.6)


@dataclass(frozen=True)
class ContrastiveSettings:
    """How an encoder learns; projector: the widths of the layers between its features and the loss."""

    views: ViewSettings = field(default_factory=ViewSettings)
    temperature: float = 0.2
    rate: float = 1e-3
    warm_up_steps: int = 100
    weight_decay: float = 1e-4
    projector: tuple[int, int] = (256, 64)


class Encoder(keras.Model):
    """images (N, R, R, 3) in [-1, 1] -> features (N, d) float32."""

    def __init__(self, config: EncoderConfig, **options: Any) -> None:
        super().__init__(**options)
        self.config = config
        self.trunk = Trunk(config.channels)
        self.head = layers.Dense(config.features, dtype="float32")

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the trunk's maps (galaxies.ml.networks.layers.Trunk) of images with their faint light stretched."""
        stretch = self.config.stretch
        x = ops.arcsinh(ops.maximum(images + 1, 0) * (stretch / 2)) / np.arcsinh(stretch)
        maps: list[Tensor] = self.trunk(2 * x - 1)
        return maps

    def call(self, images: Tensor) -> Tensor:
        return self.head(ops.mean(ops.cast(self.maps(images)[-1], "float32"), axis=(1, 2)))


def build_encoder(config: EncoderConfig) -> Encoder:
    """Return an encoder with all its weights made."""
    encoder = Encoder(config)
    encoder(np.zeros((1, config.resolution, config.resolution, 3), "float32"))
    return encoder


def make_view(images: Tensor, seed: Tensor, settings: ViewSettings) -> Tensor:
    """Return one view of each of the images (N, R, R, 3) in [-1, 1].

    Turned by any angle, mirrored, zoomed and shifted a little, some blurred, some grey, with noise. Unless
    settings.disc is None it is also brighter or fainter and without what lies outside a disc, so that only form tells
    galaxies apart.
    """
    u = tf.random.stateless_uniform([6 if settings.disc is None else 8, tf.shape(images)[0]], seed)
    view = _blurred_or_grey(_turned_and_zoomed(images + 1.0, u[:5], settings), u, settings)
    if settings.disc is not None:
        low, high = settings.gain
        view = (
            view
            * ((low * (high / low) ** u[6])[:, None, None] * _disc(images.shape[1], u[7], settings.disc))[..., None]
        )
    return view + settings.noise * tf.random.stateless_normal(tf.shape(view), tf.random.fold_in(seed, 7)) - 1.0


def _disc(side: int, u: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Return soft discs (N, R, R) about the centre, with radii between the bounds."""
    grid = (tf.range(side, dtype=tf.float32) - (side - 1) / 2) / side
    radius = tf.sqrt(grid[:, None] ** 2 + grid[None] ** 2)[None]
    return tf.sigmoid(30 * (bounds[0] + (bounds[1] - bounds[0]) * u[:, None, None] - radius))


def _blurred_or_grey(sharp: Tensor, u: Tensor, settings: ViewSettings) -> Tensor:
    blurred = tf.nn.avg_pool2d(tf.nn.avg_pool2d(sharp, 2, 1, "SAME"), 2, 1, "SAME")
    view = tf.where((u[5] < settings.blur_share)[:, None, None, None], blurred, sharp)
    grey = tf.broadcast_to(tf.reduce_mean(view, axis=3, keepdims=True), tf.shape(view))
    return tf.where((u[2] * 2 % 1 < settings.grey_share)[:, None, None, None], grey, view)


def _turned_and_zoomed(images: Tensor, u: Tensor, settings: ViewSettings) -> Tensor:
    side = images.shape[1]
    angle = u[0] * (2 * np.pi)
    zoom = settings.zoom[0] * (settings.zoom[1] / settings.zoom[0]) ** u[1]
    mirror = tf.where(u[2] < 0.5, -1.0, 1.0)
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    centre = (side - 1) / 2
    dx, dy = centre + (2 * u[3] - 1) * settings.shift, centre + (2 * u[4] - 1) * settings.shift
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


def contrastive_loss(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """Return NT-Xent over the 2N views of N images (Chen et al. 2020, eq. 1); a, b: (N, d)."""
    x = tf.math.l2_normalize(tf.concat([a, b], 0), axis=1)
    n = tf.shape(a)[0]
    logits = tf.matmul(x, x, transpose_b=True) / temperature - 1e9 * tf.eye(2 * n)
    partner = tf.concat([tf.range(n, 2 * n), tf.range(n)], 0)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(partner, logits))


def train_encoder(
    images: Images,
    config: EncoderConfig,
    budget: Budget,
    settings: ContrastiveSettings = ContrastiveSettings(),
    *,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    name: str = "encoder",
) -> Encoder:
    """Return an encoder trained without labels on (N, R, R, 3) uint8 images of its resolution.

    name: of the phase and its checkpoint.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    with dtype_policy(faster_policy()):
        encoder = build_encoder(config)
    hidden, projected = settings.projector
    projector = keras.Sequential([layers.Dense(hidden, activation="relu"), layers.Dense(projected)])
    projector.build((None, config.features))
    optimizer = keras.optimizers.AdamW(settings.rate, weight_decay=settings.weight_decay)
    weights = encoder.trainable_variables + projector.trainable_variables
    optimizer.build(weights)
    batch = min(config.batch, len(images))
    views = _paired_views(images, batch, settings.views, seed)

    @tf.function
    def step(number: Tensor, rate: Tensor) -> Tensor:
        optimizer.learning_rate.assign(rate)
        pairs = views(number)
        with tf.GradientTape() as tape:
            a, b = tf.split(projector(activate(encoder(pairs))), 2)
            loss = contrastive_loss(a, b, settings.temperature)
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss

    def train(number: int) -> dict[str, Any]:
        share = budget.share_done(number * batch, phase.seconds)
        rate = settings.rate * warm_up(number, settings.warm_up_steps) * cosine_decay(share)
        return {"contrastive": step(tf.constant(number), tf.constant(rate, tf.float32))}

    state = {"encoder": encoder, "projector": projector, "optimizer": optimizer}
    phase = Phase(name, train, state, batch)
    run_phase(phase, budget, run, reporter)
    trained = build_encoder(config)
    trained.set_weights(encoder.get_weights())
    return trained


def _paired_views(images: Images, batch: int, settings: ViewSettings, seed: int) -> Callable[[Tensor], Tensor]:
    """Return a function step -> two views each of `batch` random images: (2 batch, R, R, 3) in [-1, 1]."""
    data = tf.constant(images)

    def views(number: Tensor) -> Tensor:
        key = tf.stack([seed, number])
        rows = tf.random.stateless_uniform([batch], key, maxval=len(images), dtype=tf.int32)
        x = to_float(tf.gather(data, rows))
        return tf.concat([make_view(x, tf.random.fold_in(key, i), settings) for i in (1, 2)], 0)

    return views


def make_encode(encoder: Encoder, zooms: tuple[int, ...] | None = None) -> Callable[[Images], Features]:
    """Return a function (N, R, R, 3) uint8 -> (N, d) float32, the features of all zooms (by default the encoder's own).

    R / zoom is a multiple of the encoder's side, or divides it.
    """
    side = encoder.config.resolution
    zooms = zooms or encoder.config.zooms

    @tf.function(input_signature=[tf.TensorSpec([None, side, side, 3], tf.uint8)])
    def forward(images: Tensor) -> Tensor:
        return encoder(to_float(images))

    def encode(images: Images) -> Features:
        features = [np.empty((0, encoder.config.features * len(zooms)), np.float32)]
        for start in range(0, len(images), ENCODE_BATCH):
            part = images[start : start + ENCODE_BATCH]
            features.append(
                np.concatenate([forward(area_resize(centre(part, z), side)).numpy() for z in zooms], axis=1)
            )
        return np.concatenate(features)

    return encode
