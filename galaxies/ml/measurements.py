"""Measure single galaxies: the values that a catalogue, a page or a FITS header gives of each.

    measured = measure_galaxies(images)         # one Measured for each, in their order
    measured[0].values["axis_ratio"]            # None where the measurement failed
    measured[0].flag                            # statmorph's: 0 good, 1 suspect, 2 bad, 4 nothing to measure

By statmorph (Rodriguez-Gomez et al. 2019) and photutils, on the same source as `evaluation.morphology` and in pixels of
128 px at most. Brightness and colours are those of the displayed image: no photometry.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from photutils.aperture import CircularAperture
from threadpoolctl import threadpool_limits

from galaxies.ml.arrays import Floats, Images
from galaxies.ml.evaluation.morphology import BAD, NOTHING, Source, colours_within, find_galaxy, shape_of
from galaxies.ml.measures import UNITS

DIGITS = 5  # significant, that are kept
SERSIC_ITERATIONS = 500


@dataclass(frozen=True)
class Measured:
    """values: by the names of UNITS, None where the measurement failed; flags as statmorph sets them."""

    values: dict[str, float | None]
    flag: int
    sersic_flag: int

    def row(self) -> dict[str, float | int | None]:
        """Return values and flags by name, as a catalogue has them."""
        return {**self.values, "flag": self.flag, "sersic_flag": self.sersic_flag}


FAILED: dict[str, float | None] = dict.fromkeys(UNITS)


def measure_galaxies(images: Sequence[Images] | Images) -> list[Measured]:
    """Measure images (H, W, 3) uint8 one by one, about 0.3 s each; failures are flagged, never raised."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statmorph and astropy warn of what the flags say anyway
        return [_measure(image) for image in images]


def _measure(image: Images) -> Measured:
    source = find_galaxy(image)
    shape = source and shape_of(source, SERSIC_ITERATIONS)
    if source is None or shape is None:
        return Measured(dict(FAILED), NOTHING, NOTHING)
    values = _values(source, shape, image.shape[1])
    if shape.flag >= BAD or not all(math.isfinite(value) for value in values.values()):
        return Measured(dict(FAILED), max(int(shape.flag), BAD), int(shape.flag_sersic))
    return Measured({name: _rounded(value) for name, value in values.items()}, int(shape.flag), int(shape.flag_sersic))


def _values(source: Source, shape: Any, side: int) -> dict[str, float]:
    radius, centre = float(shape.rhalf_circ), (shape.xc_centroid, shape.yc_centroid)
    blue_green, green_red, _ = colours_within(source.light, centre, radius)
    share = radius / source.grey.shape[1]
    return {
        "axis_ratio": 1 - float(shape.ellipticity_asymmetry),
        # statmorph turns from right to down, since rows are counted from the top
        "position_angle": (90 - math.degrees(shape.orientation_asymmetry)) % 180,
        "half_light": share * side,
        "half_light_share": share,
        "concentration": float(shape.concentration),
        "asymmetry": float(shape.asymmetry),
        "smoothness": float(shape.smoothness),
        "gini": float(shape.gini),
        "m20": float(shape.m20),
        "sersic": float(shape.sersic_n),
        "brightness": _brightness(source.grey, centre, radius),
        "blue_green": blue_green,
        "green_red": green_red,
    }


def _brightness(grey: Floats, centre: tuple[float, float], radius: float) -> float:
    if not radius > 0:
        return math.nan
    aperture = CircularAperture(centre, radius)
    return float(aperture.do_photometry(grey)[0][0]) / (math.pi * radius**2)


def _rounded(value: float) -> float:
    return float(np.format_float_positional(value, precision=DIGITS, fractional=False))
