"""Positions in drawings, in percent of their width: templates turn these into SVG without a script.

gauge(metrics["kid"]).value.at                          # 0 on the left is bad, 100 on the right is good
strip(real_values, value).points                        # the outline of a distribution, for <polygon points>
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from nebulai import numbers

MARGIN = 2.0  # so that a mark at the end is not cut in half
BINS = 48
SMOOTHING = 1.6  # bins
HEIGHT = 40  # of an outline's viewBox
TAIL = 0.5  # percent of the values on either side that may lie outside a drawing


@dataclass(frozen=True)
class Mark:
    """A number as text, and its place; None without a number."""

    text: str
    at: float | None


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A number between the best and the worst to compare it with, better to the right."""

    value: Mark
    best: Mark
    worst: Mark
    best_name: str
    worst_name: str

    @property
    def reversed(self) -> bool:
        """Whether what is called worst is to the right of what is called best."""
        return None not in (self.best.at, self.worst.at) and self.worst.at > self.best.at  # type: ignore[operator]


def gauge(entry: Mapping[str, Any], percent: bool = False) -> Gauge:
    """Return the gauge of an entry of metrics.json.

    Its floor is real images against real ones and its ceiling a collapsed generator; for the share of right families,
    which has entries "per_cluster", the floor is chance and the ceiling real images.
    """
    real, other, names = entry["floor"], entry["ceiling"], (_("real against real"), _("one image repeated"))
    if entry["better"] == "higher" and "per_cluster" in entry:
        real, other, names = entry["ceiling"], entry["floor"], (_("real galaxies"), _("by chance"))
    numbers = [entry["value"], real, other]
    known = [number for number in numbers if number is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    if entry["better"] == "higher":
        low = min(low, 0.0)  # a collapsed generator may be precise: without 0, others would be at the left end
    else:
        low, high = high, low
    value, best, worst = (Mark(figure(number, percent), place(number, low, high)) for number in numbers)
    return Gauge(value=value, best=best, worst=worst, best_name=names[0], worst_name=names[1])


def place(number: float | None, low: float, high: float) -> float | None:
    """Return the place of a number between `low` on the left and `high` on the right, in percent of the width."""
    if number is None:
        return None
    share = (number - low) / (high - low) if high != low else 0.5
    return round(MARGIN + (100 - 2 * MARGIN) * min(max(share, 0.0), 1.0), 2)


def figure(number: float | None, percent: bool = False) -> str:
    """Return a number as text with two or three significant digits, or a share as percent; "none" for None."""
    if number is None:
        return _("none")
    if percent:
        share = 100 * number
        return numbers.percent(share, 0 if share == 0 or share >= 10 else 1)
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.01 or not size else 4
    return numbers.number(number, digits).replace("-", "−")  # noqa: RUF001  (a minus, as print has it)


def kid_in_a_line(metrics: Mapping[str, Any] | None) -> str:
    """Return a model's KID with its floor, its ceiling and its extractor as text."""
    if not metrics or "kid" not in metrics:
        return _("not measured")
    value, floor, ceiling = (figure(metrics["kid"][key]) for key in ("value", "floor", "ceiling"))
    return f"{value} ({floor}, {ceiling}; {metrics['kid']['extractor']})"


@dataclass(frozen=True)
class Strip:
    """Distributions as outlines in a viewBox of 100 x HEIGHT, and the place of a value among them, if there is one."""

    outlines: tuple[str, ...]
    at: float | None = None


def strip(values: Sequence[float], *others: Sequence[float], value: float | None = None) -> Strip:
    """Return distributions on one axis; a value outside of it is put at its end."""
    sides = [np.asarray(side, dtype=np.float64) for side in (values, *others) if len(side)]
    if not sides:
        return Strip(())
    ends = np.array([np.percentile(side, [TAIL, 100 - TAIL]) for side in sides])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    padding = 0.08 * (high - low) or 1.0
    low, high = low - padding, high + padding
    outlines = tuple(_outline(side, low, high) for side in sides)
    return Strip(outlines, place(value, low, high))


def percentile(values: Sequence[float] | np.ndarray[Any, Any], value: float) -> float:
    """Return the share of the values below `value`, in percent."""
    return float(100 * np.mean(np.asarray(values) < value))


def _outline(values: np.ndarray[Any, np.dtype[np.float64]], low: float, high: float) -> str:
    counts, edges = np.histogram(np.clip(values, low, high), BINS, (low, high))
    reach = np.arange(-BINS // 2, BINS // 2 + 1)
    kernel = np.exp(-((reach / SMOOTHING) ** 2) / 2)
    smooth = np.convolve(counts, kernel, mode="same")[:BINS]
    heights = HEIGHT - 1 - (HEIGHT - 2) * smooth / max(smooth.max(), 1e-9)
    middles = MARGIN + (100 - 2 * MARGIN) * ((edges[:-1] + edges[1:]) / 2 - low) / (high - low)
    points = [(MARGIN, HEIGHT), *zip(middles, heights, strict=True), (100 - MARGIN, HEIGHT)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
