"""What the judge of pixels sees of an image, real or generated: as a file keeps it, stretched, moved, with a hole.

    looks = diff_augment(look(as_file(images)), seed, 0.0625, 0.3)      # (N, R, R, 3) -> (N, R, R, 11)

All of it is differentiable (Zhao et al. 2020), so that a generator learns through it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

ASYMMETRY = 2.0
FAINT = 25.0
COLOUR = 6.0


def turn(images: Any, seed: Any) -> Any:
    """Each image by one of the eight symmetries of its own."""
    u = tf.random.stateless_uniform([3, tf.shape(images)[0], 1, 1, 1], seed) < 0.5
    images = tf.where(u[0], images[:, ::-1], images)
    images = tf.where(u[1], images[:, :, ::-1], images)
    return tf.where(u[2], tf.transpose(images, [0, 2, 1, 3]), images)


def diff_augment(images: Any, seed: Any, translation: float, cutout: float) -> Any:
    """Translation, blur and cutout, differentiable: what discriminators see of real and generated images.

    What moves in is mirrored: where it was black, no discriminator saw what a generator did at its edges. Steps are of
    2 px: others would hide a grid of every second pixel, which up-sampling may leave. Every second image is blurred:
    else the finest grain, which is easiest told from a real one, is all that a discriminator looks at.
    """
    n, side = tf.shape(images)[0], images.shape[1]
    u = tf.random.stateless_uniform([4, n, 1], seed)
    reach = round(side * translation / 2)
    grid = tf.range(side)[None]
    filters = tf.gather(tf.constant(np.stack([np.eye(side), softening(side)]), images.dtype), tf.range(n) % 2)
    moved = images
    for axis, equation in ((0, "nij,njwc->niwc"), (1, "nij,nhjc->nhic")):
        source = tf.abs(grid + 2 * (tf.cast(tf.floor(u[axis] * (2 * reach + 1)), tf.int32) - reach))
        source = side - 1 - tf.abs(side - 1 - source)
        moved = tf.einsum(equation, tf.one_hot(source, side, dtype=images.dtype) @ filters, moved)
    half = side * cutout / 2
    rows, columns = (tf.abs(tf.cast(grid, tf.float32) - u[axis] * side) < half for axis in (2, 3))
    hole = tf.cast(rows[:, :, None, None] & columns[:, None, :, None], images.dtype)
    return moved * (1.0 - hole)


def softening(side: int) -> npt.NDArray[np.float64]:
    """(side, side): what blurs a row by a binomial of 7 px, 1.2 px of standard deviation, mirrored at its ends."""
    blur = np.zeros((side, side))
    for step, weight in zip(range(-3, 4), np.array([1, 6, 15, 20, 15, 6, 1]) / 64, strict=True):
        source = np.abs(np.arange(side) + step)
        blur[np.arange(side), side - 1 - np.abs(side - 1 - source)] += weight
    return blur


def look(images: Any) -> Any:
    """(N, R, R, 3) -> (N, R, R, 11): each image, what half a turn changes in it, its faint light and colours stretched.

    Galaxies look nearly the same after half a turn (Conselice et al. 2000), and no convolution sees both ends of one.
    Sky, grain and outskirts take up a dozen of 256 levels. All these are -1 where there is nothing. What tells green
    galaxies from real ones is a tenth of their brightness: red - green and green - blue are 0 where there is no colour.
    """
    asymmetry = ASYMMETRY * (images - images[:, ::-1, ::-1]) - 1.0
    faint = 2.0 * tf.math.asinh(FAINT * (images + 1.0)) / float(np.arcsinh(2 * FAINT)) - 1.0
    colour = COLOUR * (images[..., :2] - images[..., 1:])
    return tf.concat([images, asymmetry, faint, colour], axis=-1)
