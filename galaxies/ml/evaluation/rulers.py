"""Real images at half and at a quarter of their resolution, as rulers beside floor and ceiling.

rulers = ruler_features(extractor, held_out, report)
sentence(metrics["kid"])        # "As far from real as real galaxies at half the resolution."
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from galaxies.ml.arrays import Features, Images, Progress
from galaxies.ml.data.resize import area_resize, bicubic_resize
from galaxies.ml.evaluation.extractors import Extractor

RULERS = {"halved": 2, "quartered": 4}
IN_WORDS = {"halved": "half the resolution", "quartered": "a quarter of the resolution"}
BATCH = 256
ALIKE = 1.25  # times as far: still "as far"
AS_REAL = 0.1  # of the way from floor to the first ruler


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


def sentence(kid: Mapping[str, Any]) -> str:
    """Return in words where an entry `kid` of metrics.json stands among its rulers; nothing if it has none."""
    rulers = [(IN_WORDS[name], entry["value"]) for name, entry in kid.get("rulers", {}).items()]
    value, floor = kid.get("value"), kid.get("floor")
    if value is None or not rulers:
        return ""
    first = rulers[0][1]
    if first - floor <= kid["floor_std"]:
        return "It does not tell real galaxies at half the resolution from real ones, so it says nothing of sharpness."
    if value - floor <= AS_REAL * (first - floor):
        return "As near to real as other real galaxies."
    begin = "Nearer to real"
    for words, ruler in rulers:
        if value < ruler / ALIKE:
            return f"{begin} than real galaxies at {words}."
        if value <= ruler * ALIKE:
            return f"As far from real as real galaxies at {words}."
        begin = f"Further from real than real galaxies at {words}, nearer"
    return f"{value / ruler:.1f} times as far from real as real galaxies at {words}."
