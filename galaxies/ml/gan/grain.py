"""How strong the fine detail of each image is, and a code of it for latents.

values = detail_statistics(images, edge)        # (N, 24)
code = grain_code(training, 4, edge)
latent = code(images)                           # (N, 4), standard normal over the training images

Sharpness and grain belong to the image: each cutout was scaled to its galaxy's size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

from galaxies.ml.arrays import Images, Tensor
from galaxies.ml.networks.layers import to_float

Edge = tuple[float, float]  # around [-1, 1]: where galaxy ends and sky begins, and how softly

LEAST = 0.1  # of a standard deviation: JPEG leaves no fine colour, so that some numbers are nearly alike in all images
DETAIL_STATISTICS = 24  # numbers that `detail_statistics` gives
LEAST_PART = 0.005  # of an image that counts as bright, or as faint
BATCH = 32
FAINTEST = 1e-5  # of squared detail, for images around [-1, 1]: half a level of 255


def detail_statistics(images: Tensor, edge: Edge) -> Tensor:
    """Return log standard deviations (N, DETAIL_STATISTICS) of the fine detail of each of the images (N, R, R, 3).

    Of Haar wavelets at the finest two octaves, straight and diagonal ones, in luminance, red - green and green - blue;
    where the image is bright, and where it is faint: else it is the place of a crop that they tell. Each real image has
    its own grain; a network's maps say so among much else.
    """
    colours = images[..., :2] - images[..., 1:]
    x = tf.concat([tf.reduce_mean(images, axis=-1, keepdims=True), colours], axis=-1)
    found = []
    for _ in range(2):
        a, b, c, d = (x[:, i::2, j::2] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
        straight = (tf.square(a + b - c - d) + tf.square(a - b + c - d)) / 8
        x = (a + b + c + d) / 4
        bright = tf.stop_gradient(tf.sigmoid((x[..., :1] - edge[0]) / edge[1]))
        for energy in (straight, tf.square(a - b - c + d) / 4):
            found += [_mean_where(bright, energy), _mean_where(1 - bright, energy)]
    return tf.concat([0.5 * tf.math.log(energy + FAINTEST) for energy in found], axis=1)


def _mean_where(weights: Tensor, values: Tensor) -> Tensor:
    """Return the weighted mean (N, C) over each image of values (N, h, w, C), weights (N, h, w, 1) in 0..1."""
    part = tf.reduce_mean(weights, axis=(1, 2)) + LEAST_PART
    return tf.reduce_mean(weights * values, axis=(1, 2)) / part


@dataclass(frozen=True)
class GrainCode:
    """The principal axes (DETAIL_STATISTICS, k) of what is measured of whole images, and its mean and deviation.

    The first is how smooth an image is.
    """

    mean: Tensor
    deviation: Tensor
    axes: Tensor
    edge: Edge
    reach: float

    def __call__(self, images: Tensor) -> Tensor:
        """Return (N, k) in -reach..reach of images (N, R, R, 3) around [-1, 1]."""
        code = tf.matmul((detail_statistics(images, self.edge) - self.mean) / self.deviation, self.axes)
        return tf.clip_by_value(code, -self.reach, self.reach)


def grain_code(
    images: Images, k: int, edge: Edge, *, reach: float = 3.0, looked_at: int = 1024, seed: int = 0
) -> GrainCode:
    """Return the code of training images (N, R, R, 3) uint8, of which so many are looked at.

    reach: how far from the mean a code goes, in standard deviations: about as far as a normal number from a seed does.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:looked_at])
    parts = [detail_statistics(to_float(images[rows[i : i + BATCH]]), edge) for i in range(0, len(rows), BATCH)]
    values = np.concatenate(parts)
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), LEAST)
    # An axis has no sign of its own: PCA decides, the same in every run, so that a stage that learns on is understood.
    found = PCA(k, svd_solver="full").fit((values - mean) / deviation)
    axes = -found.components_.T / np.sqrt(np.maximum(found.explained_variance_, 1e-6))
    mean, deviation, axes = (tf.constant(part, tf.float32) for part in (mean, deviation, axes))
    return GrainCode(mean, deviation, axes, edge, reach)
