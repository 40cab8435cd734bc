"""The measurements of a galaxy in words, and what the gallery is searched by.

facts(galaxy)                               # (Fact("Axis ratio", "0.42", "1 is round"), ...), () before it is measured
SLIDERS["axis_ratio"].low, SLIDERS["axis_ratio"].high
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from galaxies.charts import figure
from galaxies.models import Galaxy, Measurement

BAD = 2  # statmorph's flag from which on there are no values


@dataclass(frozen=True)
class Slider:
    """A measure with the ends of its axis; left and right: what little and much of it is called."""

    title: str | Promise
    low: float
    high: float
    step: float
    left: str | Promise
    right: str | Promise


SLIDERS = {
    "half_light_share": Slider(_("Size"), 0.0, 0.5, 0.01, _("small"), _("large")),
    "axis_ratio": Slider(_("Axis ratio"), 0.0, 1.0, 0.05, _("elongated"), _("round")),
    "colour": Slider(_("Colour"), -1.0, 3.0, 0.1, _("bluer"), _("redder")),
    "concentration": Slider(_("Concentration"), 1.0, 4.0, 0.1, _("even"), _("bright core")),
    "brightness": Slider(_("Brightness"), 0.0, 200.0, 5.0, _("faint"), _("bright")),
}

NAMES: dict[str, tuple[str | Promise, str | Promise]] = {
    "axis_ratio": (_("Axis ratio"), _("1 is round")),
    "position_angle": (_("Position angle"), _("degrees, from up, counter-clockwise")),
    "half_light": (_("Half-light radius"), _("pixels")),
    "half_light_share": (_("Half-light radius"), _("share of the picture's side")),
    "concentration": (_("Concentration"), "5 log(r80 / r20)"),
    "asymmetry": (_("Asymmetry"), _("share of the light")),
    "smoothness": (_("Smoothness"), _("share of the light")),
    "gini": ("Gini", _("0 spread out, 1 gathered")),
    "m20": ("M20", _("bright spots: low is central")),
    "sersic": (_("Sérsic index"), "n"),
    "brightness": (_("Brightness"), _("mean grey level above the sky")),
    "blue_green": (_("Blue − green"), _("magnitudes of the picture")),  # noqa: RUF001  (a minus, as print has it)
    "green_red": (_("Green − red"), _("magnitudes of the picture")),  # noqa: RUF001
}


@dataclass(frozen=True)
class MeasuredFact:
    """A measured value as people read it."""

    name: str | Promise
    text: str
    unit: str | Promise


def measurement_of(galaxy: Galaxy) -> Measurement | None:
    """Return a galaxy's measurement, None before there is one."""
    return Measurement.objects.filter(pk=galaxy.pk).first()


def facts(measurement: Measurement) -> tuple[MeasuredFact, ...]:
    """Return all measured values; () if they could not be measured."""
    if measurement.flag >= BAD:
        return ()
    row = measurement.row()
    return tuple(MeasuredFact(name, figure(row[key]), unit) for key, (name, unit) in NAMES.items())


@dataclass(frozen=True)
class Steered:
    """A value that a galaxy was steered by: what was asked and what came, in standard deviations of the model."""

    title: str | Promise
    asked: str
    measured: str


@dataclass(frozen=True)
class SteeredValue:
    """What a value is called, what little and much of it is called, and how it is made of a measurement."""

    title: str | Promise
    left: str | Promise
    right: str | Promise
    value: Callable[[Measurement], float]


STEERED = {
    "size": SteeredValue(_("Size"), _("small"), _("large"), lambda found: _number(found.half_light_share)),
    "elongation": SteeredValue(
        _("Elongation"), _("round"), _("elongated"), lambda found: 1 - _number(found.axis_ratio)
    ),
    "colour": SteeredValue(_("Colour"), _("bluer"), _("redder"), lambda found: _number(found.colour)),
    "concentration": SteeredValue(
        _("Concentration"), _("even"), _("bright core"), lambda found: _number(found.concentration)
    ),
    "brightness": SteeredValue(_("Brightness"), _("faint"), _("bright"), lambda found: _number(found.brightness)),
}


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def steered(galaxy: Galaxy, measurement: Measurement) -> tuple[Steered, ...]:
    """Return what was asked of a galaxy's values beside what was measured; () if nothing was asked."""
    known = galaxy.model_version.steering
    found = []
    for name, step in galaxy.recipe.steer.items():
        if name in known and name in STEERED:
            place = (STEERED[name].value(measurement) - known[name]["mean"]) / known[name]["deviation"]
            text = _("not measurable") if math.isnan(place) else f"{figure(place)}"
            found.append(Steered(STEERED[name].title, f"{step:+g}", str(text)))
    return tuple(found)


def context(galaxy: Galaxy) -> dict[str, Any]:
    """Return what `_measured.html` shows of a galaxy."""
    measurement = measurement_of(galaxy)
    if measurement is None:
        return {"measurement": None}
    return {"measurement": measurement, "facts": facts(measurement), "steered": steered(galaxy, measurement)}
