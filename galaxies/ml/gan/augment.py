"""Differentiable augmentation: what the pixel discriminator sees of an image, real or generated.

    views = augment(expand_channels(images, settings), seed, settings)      # (N, R, R, 3) -> (N, R, R, 11)

A generator learns through all of it (Zhao et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.workers import ALONE, Workers


@dataclass(frozen=True)
class AugmentSettings:
    """How images are moved, blurred, cut and stretched before the pixel discriminator.

    translation, cutout: shares of the side. blur_every: each so-many-th image of a batch is blurred by a binomial of
    7 px; else the finest grain, which is easiest told from a real one, is all that a discriminator looks at.
    asymmetry, faint, colour: how many times these are enlarged.
    """

    translation: float = 0.0625
    cutout: float = 0.3
    blur_every: int = 2
    asymmetry: float = 2.0
    faint: float = 25.0
    colour: float = 6.0


def random_symmetry(images: Tensor, seed: Tensor) -> Tensor:
    """Return each of the images (N, R, R, C) in one of the eight symmetries of a square."""
    u = tf.random.stateless_uniform([3, tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    images = tf.where(u[0], images[:, ::-1], images)
    images = tf.where(u[1], images[:, :, ::-1], images)
    return tf.where(u[2], tf.transpose(images, [0, 2, 1, 3]), images)


def augment(images: Tensor, seed: Tensor, settings: AugmentSettings, workers: Workers = ALONE) -> Tensor:
    """Return images (N, R, R, C) translated, some of them blurred, each with a square hole.

    What moves in is mirrored: where it was black, no discriminator saw what a generator did at its edges. Steps are of
    2 px: others would hide a grid of every second pixel, which up-sampling may leave. workers: images are the share of
    this one.
    """
    n, side = tf.shape(images)[0], images.shape[1]
    whole = n * workers.count
    u = workers.part(tf.random.stateless_uniform([4, whole, 1], seed), axis=1)
    reach = round(side * settings.translation / 2)
    grid = tf.range(side)[None]
    filters = _filters(workers.part(is_blurred(whole, settings.blur_every)), side, images.dtype)
    moved = images
    for axis, equation in ((0, "nij,njwc->niwc"), (1, "nij,nhjc->nhic")):
        source = tf.abs(grid + 2 * (tf.cast(tf.floor(u[axis] * (2 * reach + 1)), tf.int32) - reach))
        source = side - 1 - tf.abs(side - 1 - source)
        moved = tf.einsum(equation, tf.one_hot(source, side, dtype=images.dtype) @ filters, moved)
    half = side * settings.cutout / 2
    rows, columns = (tf.abs(tf.cast(grid, tf.float32) - u[axis] * side) < half for axis in (2, 3))
    hole = tf.cast(rows[:, :, None, None] & columns[:, None, :, None], images.dtype)
    return moved * (1.0 - hole)


def is_blurred(n: Tensor, every: int) -> Tensor:
    """Return (n,) bool: whether an image of a batch is blurred, each so-many-th."""
    return tf.range(n) % every == every - 1


def blur(images: Tensor, which: Tensor) -> Tensor:
    """Return images (N, R, R, C), those that `which` (N,) says blurred by a binomial of 7 px."""
    filters = _filters(which, images.shape[1], images.dtype)
    return tf.einsum("nij,nhjc->nhic", filters, tf.einsum("nij,njwc->niwc", filters, images))


def _filters(which: Tensor, side: int, dtype: Any) -> Tensor:
    return tf.gather(tf.constant(np.stack([np.eye(side), blur_matrix(side)]), dtype), tf.cast(which, tf.int32))


def blur_matrix(side: int) -> npt.NDArray[np.float64]:
    """Return (side, side): blurs a row by a binomial of 7 px, 1.2 px of standard deviation, mirrored at its ends."""
    blur = np.zeros((side, side))
    for step, weight in zip(range(-3, 4), np.array([1, 6, 15, 20, 15, 6, 1]) / 64, strict=True):
        source = np.abs(np.arange(side) + step)
        blur[np.arange(side), side - 1 - np.abs(side - 1 - source)] += weight
    return blur


def expand_channels(images: Tensor, settings: AugmentSettings) -> Tensor:
    """Return (N, R, R, 11): images (N, R, R, 3), what half a turn changes in them, their faint light, their colours.

    Galaxies look nearly the same after half a turn (Conselice et al. 2000), and no convolution sees both ends of one.
    Sky, grain and outskirts take up a dozen of 256 levels. All these are -1 where there is nothing. What tells green
    galaxies from real ones is a tenth of their brightness: red - green and green - blue are 0 where there is no colour.
    """
    asymmetry = settings.asymmetry * (images - images[:, ::-1, ::-1]) - 1.0
    faint = 2.0 * tf.math.asinh(settings.faint * (images + 1.0)) / float(np.arcsinh(2 * settings.faint)) - 1.0
    colour = settings.colour * (images[..., :2] - images[..., 1:])
    return tf.concat([images, asymmetry, faint, colour], axis=-1)
