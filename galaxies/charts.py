"""Where things stand in a drawing, in percent of its width: templates turn this into SVG, and no script is needed.

gauge(metrics["kid"], Kind.PLAIN).value.at              # 0 on the left is bad, 100 on the right is good
strip(real_values, value).points                        # the outline of a distribution, for <polygon points>
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MARGIN = 2.0  # so that a mark at the end is not cut in half
BINS = 48
SMOOTHING = 1.6  # bins
HEIGHT = 40  # of an outline's viewBox
TAIL = 0.5  # percent of the values on either side that may lie outside a drawing


@dataclass(frozen=True)
class Mark:
    """A number as text, and where it stands; None where there is none."""

    text: str
    at: float | None


@dataclass(frozen=True)
class Gauge:
    """A number between the best and the worst that there is to compare it with, better to the right."""

    value: Mark
    best: Mark
    worst: Mark
    best_name: str
    worst_name: str

    @property
    def reversed(self) -> bool:
        """Whether what is called worst stands to the right of what is called best."""
        return None not in (self.best.at, self.worst.at) and self.worst.at > self.best.at  # type: ignore[operator]


def gauge(entry: Mapping[str, Any], percent: bool = False) -> Gauge:
    """Place value, floor and ceiling of an entry of metrics.json.

    The floor of what is better lower is real images against real ones and the ceiling a collapsed generator; so it is
    for what is better higher, but for the share of right families, where the floor is chance and the ceiling real.
    """
    real, other, names = entry["floor"], entry["ceiling"], ("real against real", "one image repeated")
    if entry["better"] == "higher" and "per_cluster" in entry:
        real, other, names = entry["ceiling"], entry["floor"], ("real galaxies", "by chance")
    numbers = [entry["value"], real, other]
    known = [number for number in numbers if number is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    if entry["better"] == "higher":
        low = min(
            low, 0.0
        )  # or a collapsed generator, which is precise all the same, makes any other look like nothing
    else:
        low, high = high, low
    value, best, worst = (Mark(figure(number, percent), place(number, low, high)) for number in numbers)
    return Gauge(value, best, worst, *names)


def place(number: float | None, low: float, high: float) -> float | None:
    """Percent of the width at which a number stands between `low` on the left and `high` on the right."""
    if number is None:
        return None
    share = (number - low) / (high - low) if high != low else 0.5
    return round(MARGIN + (100 - 2 * MARGIN) * min(max(share, 0.0), 1.0), 2)


def figure(number: float | None, percent: bool = False) -> str:
    """A number with as many digits as anybody reads."""
    if number is None:
        return "none"
    if percent:
        share = 100 * number
        text = f"{share:.0f}" if share == 0 or share >= 10 else f"{share:.1f}"
        return f"{text}%"
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3 if size >= 0.01 or not size else 4
    return f"{number:.{digits}f}".replace("-", "−")  # noqa: RUF001  (a minus, as print has it)


def kid_in_a_line(metrics: Mapping[str, Any] | None) -> str:
    """A model's KID between what real images and one repeated image score, and the extractor that saw them."""
    if not metrics or "kid" not in metrics:
        return "not measured"
    value, floor, ceiling = (figure(metrics["kid"][key]) for key in ("value", "floor", "ceiling"))
    return f"{value} ({floor}, {ceiling}; {metrics['kid']['extractor']})"


@dataclass(frozen=True)
class Strip:
    """Distributions as outlines in a viewBox of 100 x HEIGHT, and where a value stands among them, if there is one."""

    outlines: tuple[str, ...]
    at: float | None = None


def strip(values: Sequence[float], *others: Sequence[float], value: float | None = None) -> Strip:
    """Draw distributions on one axis; a value outside of it stands at its end."""
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
    """The share of the values below `value`, in percent."""
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
