"""How strong the fine detail of each image is.

values = detail_statistics(images)        # (N, 24)

Sharpness and grain belong to the image: each cutout was scaled to its galaxy's size.
"""

from __future__ import annotations

from keras import ops

from galaxies.ml.arrays import Tensor

EDGE = (-0.5, 0.1)  # around [-1, 1]: where galaxy ends and sky begins, and how softly
DETAIL_STATISTICS = 24  # numbers that `detail_statistics` gives
LEAST_PART = 0.005  # of an image that counts as bright, or as faint
FAINTEST = 1e-5  # of squared detail, for images around [-1, 1]: half a level of 255


def detail_statistics(images: Tensor) -> Tensor:
    """Return log standard deviations (N, DETAIL_STATISTICS) of the fine detail of each of the images (N, R, R, 3).

    Of Haar wavelets at the finest two octaves, straight and diagonal ones, in luminance, red - green and green - blue;
    where the image is bright, and where it is faint: else it is the place of a crop that they tell. Each real image has
    its own grain; a network's maps say so among much else.
    """
    colours = images[..., :2] - images[..., 1:]
    x = ops.concatenate([ops.mean(images, axis=-1, keepdims=True), colours], axis=-1)
    found = []
    for _ in range(2):
        a, b, c, d = (x[:, i::2, j::2] for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)))
        straight = (ops.square(a + b - c - d) + ops.square(a - b + c - d)) / 8
        x = (a + b + c + d) / 4
        bright = ops.stop_gradient(ops.sigmoid((x[..., :1] - EDGE[0]) / EDGE[1]))
        for energy in (straight, ops.square(a - b - c + d) / 4):
            found += [_mean_where(bright, energy), _mean_where(1 - bright, energy)]
    return ops.concatenate([0.5 * ops.log(energy + FAINTEST) for energy in found], axis=1)


def _mean_where(weights: Tensor, values: Tensor) -> Tensor:
    """Return the weighted mean (N, C) over each image of values (N, h, w, C), weights (N, h, w, 1) in 0..1."""
    part = ops.mean(weights, axis=(1, 2)) + LEAST_PART
    return ops.mean(weights * values, axis=(1, 2)) / part
