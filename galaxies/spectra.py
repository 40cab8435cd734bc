"""Power spectra of a metrics.json as drawings: two curves with their spread, for luminance and two colours.

spectra = read(metrics)                 # empty for a file of format 1
spectra[0].real.line                    # points for <polyline>, in a viewBox of 100 x HEIGHT
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from galaxies.charts import figure
from nebulai.numbers import number

HEIGHT = 60
FINEST = 4  # bands whose spread is told in words

TITLES = {
    "luminance": gettext_noop("Luminance"),
    "red_green": gettext_noop("Red less green"),
    "green_blue": gettext_noop("Green less blue"),
}


@dataclass(frozen=True)
class Curve:
    """Mean log power by band, and the area of one standard deviation over images around it."""

    line: str
    area: str


@dataclass(frozen=True)
class Spectrum:
    """One plane of the images. distance: Wasserstein, mean over bands; floor: real images against real ones.

    spread: in each of the finest bands, the deviation over images, generated / real; power: in the finest, likewise.
    """

    title: str
    real: Curve
    generated: Curve
    coarsest: str
    distance: str
    floor: str
    spread: str
    power: str
    n_real: int
    n_generated: int


def read(metrics: Mapping[str, Any]) -> tuple[Spectrum, ...]:
    """Return the spectra that were measured."""
    measured = metrics.get("spectra") or {}
    return tuple(_spectrum(_(title), measured[plane]) for plane, title in TITLES.items() if plane in measured)


def _spectrum(title: str, entry: Mapping[str, Any]) -> Spectrum:
    sides = [entry["log_power"][side] for side in ("held_out", "generated")]
    low = min(mean - std for side in sides for mean, std in zip(side["mean"], side["std"], strict=True))
    high = max(mean + std for side in sides for mean, std in zip(side["mean"], side["std"], strict=True))
    real, generated = (_curve(side["mean"], side["std"], low, high) for side in sides)
    return Spectrum(
        title,
        real,
        generated,
        coarsest=f"1/{1 / entry['edges'][0]:.0f}",
        distance=figure(entry["value"]),
        floor=figure(entry["floor"]),
        spread=" · ".join(number(ratio, 2) for ratio in entry["spread_ratio"][-FINEST:]),
        power=number(entry["power_ratio"][-1], 2),
        n_real=entry["n_real"],
        n_generated=entry["n_generated"],
    )


def _curve(means: Sequence[float], deviations: Sequence[float], low: float, high: float) -> Curve:
    def points(values: Sequence[float]) -> list[str]:
        across = [100 * (band + 0.5) / len(values) for band in range(len(values))]
        down = [HEIGHT * (1 - (value - low) / ((high - low) or 1.0)) for value in values]
        return [f"{x:.2f},{y:.2f}" for x, y in zip(across, down, strict=True)]

    upper = points([mean + std for mean, std in zip(means, deviations, strict=True)])
    lower = points([mean - std for mean, std in zip(means, deviations, strict=True)])
    return Curve(" ".join(points(means)), " ".join([*upper, *reversed(lower)]))
