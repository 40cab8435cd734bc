"""Real images at half and at a quarter of their resolution, as rulers beside floor and ceiling.

rulers = ruler_features(extractor, held_out, report)
"""

from __future__ import annotations

import numpy as np

from galaxies.ml.arrays import Features, Images, Progress
from galaxies.ml.data.resize import area_resize, bicubic_resize
from galaxies.ml.evaluation.extractors import Extractor

RULERS = {"halved": 2, "quartered": 4}
BATCH = 256


def shrunk(images: Images, factor: int) -> Images:
    """Return images (N, R, R, 3) uint8 averaged over squares of `factor` px and enlarged again, bicubically."""
    side = images.shape[1]
    return bicubic_resize(area_resize(images, side // factor), side)


def ruler_features(extractor: Extractor, images: Images, report: Progress) -> dict[str, Features]:
    """Return for each ruler the features (N, d) of shrunk images (N, R, R, 3); none where R does not allow it."""
    parts: dict[str, list[Features]] = {name: [] for name, factor in RULERS.items() if images.shape[1] % factor == 0}
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        for name, done in parts.items():
            done.append(extractor(shrunk(batch, RULERS[name])))
        report(f"{extractor.name} rulers", min(start + BATCH, len(images)), len(images))
    return {name: np.concatenate(done) for name, done in parts.items()}
