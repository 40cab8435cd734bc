"""KID at full size while something trains: whatever paints images, beside training images, as `evaluate` sees them.

    kid = full_size_kid(extractor, training_images, samples=256)
    losses = {"kid": kid(images)}                       # of what is generated at this moment

256 images take Lite2 about nine seconds on two quiet cores. The features of the real images are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galaxies.ml.arrays import Features, Images
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.metrics import kernel_distance


@dataclass(frozen=True)
class FullSizeKid:
    """real: features (N, d) of training images; held-out ones decide nothing while a model trains."""

    extractor: Extractor
    real: Features
    samples: int

    def __call__(self, images: Images) -> float:
        """Return KID of images (n, R, R, 3) uint8 against the training images."""
        return kernel_distance(self.real, self.extractor(images))


def full_size_kid(extractor: Extractor, training: Images, samples: int = 256, *, seed: int = 0) -> FullSizeKid:
    """Return the measure for training images (N, R, R, 3) uint8, of which four times `samples` are looked at.

    Raises: ExtractorUnavailable if they are too small for the extractor.
    """
    extractor.check(min(training.shape[1:3]))
    rows = np.random.default_rng(seed).permutation(len(training))[: 4 * samples]
    return FullSizeKid(extractor, extractor(np.asarray(training[np.sort(rows)])), samples)
