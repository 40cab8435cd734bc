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
    """Return family and number of the exemplar whose light varies most between red and blue."""
    colours = {}
    for cluster, number, file in exemplars:
        try:
            with Image.open(path / file) as image:
                pixels = np.asarray(image.convert("RGB").resize((SIDE, SIDE)), np.float64)
        except OSError:
            continue
        light, colour = pixels.mean(axis=2) + 1e-6, pixels[:, :, 0] - pixels[:, :, 2]
        mean = np.average(colour, weights=light)
        colours[cluster, number] = float(np.average((colour - mean) ** 2, weights=light))
    return max(colours, key=lambda each: colours[each]) if colours else None
