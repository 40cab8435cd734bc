"""Galaxies of the gallery by two of their measures, as points of an SVG, before the contours of the real ones.

drawn = scatter("half_light_share", "axis_ratio", version)
drawn.points, drawn.contours
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from galaxies.charts import figure
from galaxies.facts import read_metrics
from galaxies.measured import SLIDERS
from galaxies.ml.arrays import Floats
from galaxies.ml.bundle import METRICS
from galaxies.models import Galaxy, ModelVersion

MOST = 500  # points
SIDE = 100.0  # of the drawing's viewBox
GRID, SMOOTHING = 48, 2.0
SHARES = (0.9, 0.5)  # of the real galaxies that lie inside a contour
# How `metrics.json` calls the measures that it has of real galaxies
REAL = {"half_light_share": "half_light_radius", "colour": "blue_red", "concentration": "concentration"}


@dataclass(frozen=True)
class Point:
    """A galaxy's place; y from the top."""

    galaxy: Galaxy
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Scatter:
    """points; contours: paths, the widest first, () where no real galaxies were measured so."""

    points: tuple[Point, ...]
    contours: tuple[str, ...]
    n_real: int


def scatter(x: str, y: str, version: ModelVersion | None) -> Scatter:
    """Return the newest measured galaxies of the gallery by two of SLIDERS, those of a version if one is given."""
    measured = {f"{name}__isnull": False for name in (x, y)}
    galaxies = Galaxy.objects.gallery("new").of(version, None).filter(**measured)[:MOST]
    points = tuple(_point(galaxy, x, y) for galaxy in galaxies)
    contours, n_real = _contours(version, x, y) if version else ((), 0)
    return Scatter(points, contours, n_real)


def _point(galaxy: Galaxy, x: str, y: str) -> Point:
    values = [getattr(galaxy, name) for name in (x, y)]
    text = ", ".join(f"{SLIDERS[name].title} {figure(value)}" for name, value in zip((x, y), values, strict=True))
    return Point(galaxy, _place(x, values[0]), round(SIDE - _place(y, values[1]), 2), text)


def _place(name: str, value: float) -> float:
    slider = SLIDERS[name]
    return round(SIDE * min(max((value - slider.low) / (slider.high - slider.low), 0.0), 1.0), 2)


def _contours(version: ModelVersion, x: str, y: str) -> tuple[tuple[str, ...], int]:
    file = version.path / METRICS
    return _drawn(version.path, file.stat().st_mtime_ns, x, y) if file.exists() else ((), 0)


@lru_cache(maxsize=64)
def _drawn(path: Path, modified: int, x: str, y: str) -> tuple[tuple[str, ...], int]:
    real = ((read_metrics(path) or {}).get("distributions") or {}).get("held_out") or {}
    columns = [_column(real, name) for name in (x, y)]
    if any(len(column) < 10 for column in columns):
        return (), 0
    return tuple(contours(columns[0], columns[1], (x, y))), len(columns[0])


def _column(real: dict[str, Sequence[float]], name: str) -> Floats:
    if name == "axis_ratio":
        return 1 - np.asarray(real.get("ellipticity", ()), np.float64)
    return np.asarray(real.get(REAL.get(name, ""), ()), np.float64)


def contours(x: Floats, y: Floats, names: tuple[str, str]) -> list[str]:
    """Return the paths that enclose SHARES of the points (N,), (N,)."""
    from scipy.ndimage import gaussian_filter
    from skimage.measure import find_contours

    ends = [(SLIDERS[name].low, SLIDERS[name].high) for name in names]
    counts = np.histogram2d(np.clip(x, *ends[0]), np.clip(y, *ends[1]), GRID, ends)[0]
    density = np.pad(gaussian_filter(counts, SMOOTHING), 1)  # lines close at the edge
    falling = np.sort(density.ravel())[::-1]
    inside = np.cumsum(falling) / falling.sum()
    paths = []
    for share in SHARES:
        lines = find_contours(density, falling[np.searchsorted(inside, share)])  # type: ignore[no-untyped-call]
        paths.append(" ".join(_path((line - 0.5) * SIDE / GRID) for line in lines))
    return paths


def _path(line: Floats) -> str:
    inside = np.clip(line, 0, SIDE)
    return "M" + "L".join(f"{a:.1f} {SIDE - b:.1f}" for a, b in inside) + "Z"
