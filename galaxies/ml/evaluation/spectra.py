"""Power spectra of luminance and two colours: how sharp and how grainy images are, and how much that varies.

    values = extractor()(images)                        # (N, 3 * bands) float32, log10 power
    entry = compare(sides, side=256)["luminance"]       # sides: those values of real and generated images
    finest = entry["spread_ratio"][-4:]                 # near 1 is good

No network takes part, so nothing here knows ImageNet. Power is that of the mean-subtracted plane in a Hann window, in
grey levels squared: white noise of variance v has the power v in every band. Bands are half octaves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2
from scipy.stats import wasserstein_distance

from galaxies.ml.arrays import Features, Floats, Images
from galaxies.ml.evaluation.comparison import Entry, Sides
from galaxies.ml.evaluation.extractors import Extractor

PLANES = ("luminance", "red_green", "green_blue")
EDGES = 0.5 / np.sqrt(2.0) ** np.arange(12, -1, -1)  # cycles/px, 1/128 to 1/2
LEAST_POWER = 1e-3  # grey levels squared; rounding to whole levels alone has 1/12
LEAST_SIDE = 32
UNIT = "log10 of grey levels squared"


def extractor() -> Extractor:
    """Return log power as an extractor: images (N, R, R, 3) uint8 -> (N, 3 * bands), plane by plane."""
    return Extractor(
        lambda images: log_power(images).reshape(len(images), -1),
        name="spectra",
        version="1, half octaves, Hann window",
        label="power spectra, no network",
        batch=32,
        least=LEAST_SIDE,
    )


def log_power(images: Images) -> Floats:
    """Return log10 of the mean power in each band of images (N, R, R, 3) uint8: (N, 3, bands), finest band last."""
    side = images.shape[1]
    window, share = _window(side), _shares(side)
    levels = np.asarray(images, np.float32)
    red, green, blue = levels[..., 0], levels[..., 1], levels[..., 2]
    planes = np.stack([levels.mean(axis=3), red - green, green - blue], axis=1)
    planes -= planes.mean(axis=(2, 3), keepdims=True)
    planes *= window
    power = np.abs(rfft2(planes)) ** 2
    found: Floats = np.log10(power.reshape(len(images), len(PLANES), -1) @ share + LEAST_POWER)
    return found


def edges(side: int) -> Floats:
    """Return the edges (bands + 1,) in cycles/px of the bands that hold a frequency of images of `side` px."""
    radius = _frequencies(side)[0]
    lowest = np.digitize(radius[radius >= EDGES[0]], EDGES[:-1]).min() - 1
    bounds: Floats = EDGES[lowest:].copy()
    return bounds


def _frequencies(side: int) -> tuple[Floats, Floats]:
    """Return the radius of every frequency of rfft2 in cycles/px, and how many frequencies it stands for."""
    down, across = np.fft.fftfreq(side), np.fft.rfftfreq(side)
    times = np.where((across == 0) | (across == 0.5), 1.0, 2.0)
    return np.hypot(down[:, None], across).ravel(), np.tile(times, side)


@lru_cache
def _window(side: int) -> npt.NDArray[np.float32]:
    line = np.hanning(side)
    window = np.outer(line, line)
    return np.asarray(window / np.sqrt((window**2).sum()), np.float32)


@lru_cache
def _shares(side: int) -> npt.NDArray[np.float32]:
    """Return (frequencies, bands): what each frequency adds to the mean of each band."""
    radius, times = _frequencies(side)
    bounds = edges(side)
    bounds[-1] += 1e-9  # 0.5 itself belongs to the finest band
    inside = (radius[:, None] >= bounds[:-1]) & (radius[:, None] < bounds[1:])
    weights = inside * times[:, None]
    return np.asarray(weights / weights.sum(axis=0), np.float32)


def compare(sides: Sides, side: int) -> dict[str, Entry]:
    """Return an entry for each plane, from the log power of every image of `side` px.

    value, floor, ceiling: the mean over bands of the 1-D Wasserstein distances to held-out images, of which `by_band`
    has each. `log_power` has mean and standard deviation over images of held-out, generated and training images.
    `spread_ratio`: that deviation of generated images, over that of held-out ones; `power_ratio`: their geometric mean
    power, over that of held-out ones; both with their floors, training images in the place of generated ones.
    """
    shape = (-1, len(PLANES), len(edges(side)) - 1)
    named = {
        name: values.reshape(shape)
        for name, values in {
            "held_out": sides.held_out,
            "generated": sides.generated,
            "training": sides.training,
            "collapsed": sides.collapsed,
        }.items()
    }
    return {
        plane: _entry(sides, {name: values[:, i] for name, values in named.items()}, edges(side))
        for i, plane in enumerate(PLANES)
    }


def _entry(sides: Sides, values: dict[str, Features], bounds: Floats) -> Entry:
    real = values["held_out"]
    others = {"value": "generated", "floor": "training", "ceiling": "collapsed"}
    by_band = {key: _distances(real, values[name]) for key, name in others.items()}
    shown = {
        name: {"mean": _plain(values[name].mean(axis=0)), "std": _plain(values[name].std(axis=0))}
        for name in ("held_out", "generated", "training")
    }
    return sides.entry(
        {key: float(np.mean(distances)) for key, distances in by_band.items()},
        "lower",
        unit=UNIT,
        edges=_plain(bounds),
        by_band=by_band,
        log_power=shown,
        **_ratios(real, values["generated"], ""),
        **_ratios(real, values["training"], "_floor"),
    )


def _distances(real: Features, other: Features) -> list[float]:
    return [round(float(wasserstein_distance(real[:, i], other[:, i])), 5) for i in range(real.shape[1])]


def _ratios(real: Features, other: Features, suffix: str) -> dict[str, Any]:
    spread = other.std(axis=0) / np.maximum(real.std(axis=0), 1e-6)
    power = 10.0 ** (other.mean(axis=0) - real.mean(axis=0))
    return {f"spread_ratio{suffix}": _plain(spread), f"power_ratio{suffix}": _plain(power)}


def _plain(values: Floats) -> list[float]:
    return [round(float(value), 5) for value in values]
