"""A code of the grain of an image, for latents, and how much of it the same image made small tells.

code = grain_code(training, 4)
latent = code(images)                     # (N, 4), standard normal over the training images
prior = grain_prior(training, code, 4, generated)    # for StyledStage.prior
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from galaxies.ml.arrays import Floats, Images, Tensor
from galaxies.ml.networks.detail import detail_statistics
from galaxies.ml.networks.layers import to_float
from galaxies.ml.networks.styled_stage import CODE_REACH

LEAST = 0.1  # of a standard deviation: JPEG leaves no fine colour, so that some numbers are nearly alike in all images
BATCH = 32


@dataclass(frozen=True)
class GrainCode:
    """The principal axes (DETAIL_STATISTICS, k) of what is measured of whole images, and its mean and deviation.

    The first is how smooth an image is.
    """

    mean: Tensor
    deviation: Tensor
    axes: Tensor

    def __call__(self, images: Tensor) -> Tensor:
        """Return (N, k) in -CODE_REACH..CODE_REACH of images (N, R, R, 3) around [-1, 1]."""
        code = tf.matmul((detail_statistics(images) - self.mean) / self.deviation, self.axes)
        return tf.clip_by_value(code, -CODE_REACH, CODE_REACH)


def grain_code(images: Images, k: int, *, looked_at: int = 1024, seed: int = 0) -> GrainCode:
    """Return the code of training images (N, R, R, 3) uint8, of which so many are looked at."""
    values = np.concatenate([detail_statistics(some) for some in _batches(images, looked_at, seed)])
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), LEAST)
    # An axis has no sign of its own: PCA decides, the same in every run, so that a stage that learns on is understood.
    found = PCA(k, svd_solver="full").fit((values - mean) / deviation)
    axes = -found.components_.T / np.sqrt(np.maximum(found.explained_variance_, 1e-6))
    return GrainCode(*(tf.constant(part, tf.float32) for part in (mean, deviation, axes)))


def grain_prior(
    images: Images, code: GrainCode, factor: int, generated: Iterable[Tensor], *, looked_at: int = 2048, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Return what training images (N, R, R, 3) uint8 made `factor` times smaller tell of their codes (N, k).

    generated: batches (n, r, r, 3) of what the prior is for. Each number that is measured counts from its mean over
    those, in its deviations over them: where a generator paints less grain than there is, codes are yet as real ones.

    Returns: kernel (DETAIL_STATISTICS, k) and bias (k,), which lead from detail statistics of the small image to the
    mean of the code, by ridge regression; and the matrix (k, k) that leads from standard normals to what is left.
    """
    pairs = [
        (detail_statistics(tf.nn.avg_pool2d(some, factor, factor, "VALID")).numpy(), code(some).numpy())
        for some in _batches(images, looked_at, seed)
    ]
    told, codes = (np.concatenate(part).astype(np.float64) for part in zip(*pairs, strict=True))
    told = StandardScaler().fit_transform(told)
    fitted = Ridge(10.0).fit(told, codes)
    left = np.atleast_2d(np.cov(codes - fitted.predict(told), rowvar=False)) + 1e-6 * np.eye(codes.shape[1])
    theirs = np.concatenate([detail_statistics(some) for some in generated])
    kernel = fitted.coef_.T / np.maximum(theirs.std(axis=0), LEAST)[:, None]
    bias = fitted.intercept_ - theirs.mean(axis=0) @ kernel
    spread = np.linalg.cholesky(left).T
    return kernel.astype(np.float32), bias.astype(np.float32), spread.astype(np.float32)


def _batches(images: Images, looked_at: int, seed: int) -> Iterator[Tensor]:
    """Yield so many of the images around [-1, 1], a batch at a time."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:looked_at])
    for start in range(0, len(rows), BATCH):
        yield to_float(images[rows[start : start + BATCH]])
