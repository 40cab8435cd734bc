"""The galaxy that the studio opens on, before a visitor has made one.

shown = opening(version)                # None for a version without exemplars
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from galaxies.family_words import in_words
from galaxies.models import Galaxy, ModelVersion

SIDE = 64  # to which exemplars are shrunk before their colours are compared
MIDDLE = 0.6  # of the side, where the galaxy itself is
SKY = 25.0  # 0 to 255, below which there is no light of a galaxy


@dataclass(frozen=True)
class Opening:
    """A galaxy that people like, or else an exemplar of a family by its number."""

    family: dict[str, Any]
    number: int = 0
    galaxy: Galaxy | None = None


def opening(version: ModelVersion) -> Opening | None:
    """Return the best liked galaxy of a version; before anybody has liked one, its most colourful exemplar."""
    liked = Galaxy.objects.gallery("best").filter(model_version=version, score__gt=0).first()
    if liked:
        return Opening(in_words(version.family(liked.cluster)), galaxy=liked)
    exemplars = tuple(
        (family["id"], number, file) for family in version.families for number, file in enumerate(family["exemplars"])
    )
    found = _most_colourful(version.path, version.checksum, exemplars)
    return Opening(in_words(version.family(found[0])), found[1]) if found else None


@lru_cache(maxsize=4)
def _most_colourful(path: Path, checksum: str, exemplars: tuple[tuple[int, int, str], ...]) -> tuple[int, int] | None:
    """Return family and number of the exemplar whose galaxy is bright and varies most between red and blue."""
    colours = {}
    for cluster, number, file in exemplars:
        try:
            with Image.open(path / file) as image:
                colours[cluster, number] = _colourfulness(image)
        except OSError:
            continue
    return max(colours, key=lambda each: colours[each]) if colours else None


def _colourfulness(image: Image.Image) -> float:
    """Return the variance of red minus blue over light in the middle of an image, times its mean light."""
    edge = round(SIDE * (1 - MIDDLE) / 2)
    pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), np.float64)[edge:-edge, edge:-edge]
    light = pixels.mean(axis=2)
    colour, weight = (pixels[:, :, 0] - pixels[:, :, 2]) / (light + SKY), np.clip(light - SKY, 1e-6, None)
    return float(np.average((colour - np.average(colour, weights=weight)) ** 2, weights=weight) * weight.mean())
