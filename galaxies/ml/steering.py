"""Find the directions in w by which a bundle's galaxies are steered, and try them on new galaxies.

    from galaxies.ml.bundle import load_bundle

directions, vectors = find_directions(load_bundle(path), Sampling(workers=2), report=print)
    add_directions(path, directions, vectors)

Ridge regression from w to each measured value (Shen et al. 2020, InterFaceGAN, with numbers in place of classes). The
direction of a value is the step that changes its prediction by one standard deviation and no other's at all: of all
such steps the shortest in the covariance of w, so that a steered galaxy stays among those the generator knows.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV

from galaxies.ml.arrays import Floats, Images, Progress, silent
from galaxies.ml.bundle import DIRECTIONS, FIGURES, MANIFEST, Bundle, family_of, read_manifest, sha256
from galaxies.ml.bundle.directions import LEAST_R2, VALUES, Direction, Directions
from galaxies.ml.data.resize import area_resize
from galaxies.ml.measurements import Measured, measure_galaxies

UNITS = {
    "size": "half-light radius, share of the side",
    "elongation": "1 - b/a",
    "colour": "magnitudes from blue to red of the displayed image",
    "concentration": "5 log10(r80 / r20)",
    "brightness": "mean grey level above the sky inside the half-light radius",
}
ALPHAS = tuple(10.0**power for power in range(-2, 6))
HELD_OUT = 5  # each fifth sample trains no regression
SIDE = 64  # px that galaxies are measured at: a third of the time of 128 px, and values that correlate by 0.93 to 0.99
CHUNK = 32
MOST_ASKED = 2.0
LEAST_SLOPE = 0.4  # a direction along which less comes of a step is stretched as if it were this
LEAST_MEASURED = 50  # galaxies, below which nothing is fitted


class SteeringError(Exception):
    """No directions can be found; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """samples: galaxies that are painted and measured for the regression; checks: new ones that each value is tried on.

    seed: of the first; the new ones follow, and after these others by which steps are scaled.
    """

    samples: int = 4000
    checks: int = 500
    psi: float = 0.8
    seed: int = 5_000_000
    workers: int = 1

    @property
    def for_scale(self) -> Sampling:
        """Return the galaxies on which is measured how long a step must be: two fifths of checks, new ones."""
        return replace(self, samples=0, checks=2 * self.checks // 5, seed=self.seed + self.samples + self.checks)


def values_of(measured: Measured) -> list[float]:
    """Return the steered VALUES of a measured galaxy, NaN where statmorph calls them suspect or has none."""
    found = measured.values
    if measured.flag or found["half_light_share"] is None:
        return [float("nan")] * len(VALUES)
    return [
        float(found["half_light_share"]),
        1 - float(found["axis_ratio"] or 0.0),
        float(found["blue_green"] or 0.0) + float(found["green_red"] or 0.0),
        float(found["concentration"] or 0.0),
        float(found["brightness"] or 0.0),
    ]


Vectors = dict[str, Floats]  # what a step of 1 adds to w (w_dim,), by the names of values that can be steered


def find_directions(bundle: Bundle, sampling: Sampling, report: Progress = silent) -> tuple[Directions, Vectors]:
    """Paint, measure, fit and try. Raises: SteeringError if too few galaxies could be measured."""
    seeds = list(range(sampling.seed, sampling.seed + sampling.samples))
    clusters = _families(bundle, seeds)
    values = paint_and_measure(
        bundle, clusters, seeds, sampling=sampling, report=_stage(report, "galaxies for steering")
    )
    found, vectors = fit(bundle.styles(clusters, seeds), values)
    tried = try_out(bundle.steered_by(vectors), Directions(found, {}), sampling.for_scale, report)
    vectors = rescale(vectors, tried)
    conditions = {name: value for name, value in asdict(sampling).items() if name != "workers"}
    conditions |= {"side": SIDE, "scaled_on": sampling.for_scale.checks}
    return try_out(bundle.steered_by(vectors), Directions(found, conditions), sampling, report), vectors


def _families(bundle: Bundle, seeds: Sequence[int]) -> list[int]:
    shares = [family.share for family in bundle.families]
    return [family_of(seed, shares) for seed in seeds]


def _stage(report: Progress, stage: str) -> Any:
    return lambda done, total: report(stage, done, total)


def paint_and_measure(
    bundle: Bundle,
    clusters: Sequence[int],
    seeds: Sequence[int],
    *,
    sampling: Sampling,
    report: Any = lambda done, total: None,
    steer: Sequence[Mapping[str, float]] | None = None,
) -> Floats:
    """Return the VALUES of galaxies: (N, 5), NaN where they could not be measured."""
    rows: list[list[float]] = []
    many = sampling.workers > 1
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(sampling.workers, context) if many else nullcontext() as pool:
        chunks = _painted(bundle, clusters, seeds, psi=sampling.psi, steer=steer)
        for found in pool.map(_values, chunks) if pool else map(_values, chunks):
            rows += found
            report(len(rows), len(seeds))
    return np.array(rows, np.float64).reshape(-1, len(VALUES))


def _painted(
    bundle: Bundle,
    clusters: Sequence[int],
    seeds: Sequence[int],
    *,
    psi: float,
    steer: Sequence[Mapping[str, float]] | None,
) -> Iterator[Images]:
    for start in range(0, len(seeds), CHUNK):
        rows = slice(start, start + CHUNK)
        images = bundle.sample(clusters[rows], seeds[rows], psi, steer=None if steer is None else steer[rows])
        yield images if bundle.resolution <= SIDE else area_resize(images, SIDE)


def _values(images: Images) -> list[list[float]]:
    return [values_of(measured) for measured in measure_galaxies(images)]


def fit(w: Floats, values: Floats) -> tuple[dict[str, Direction], Vectors]:
    """Return figures and directions of the values, from w (N, w_dim) and VALUES (N, 5). Raises: SteeringError."""
    good = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(good) < LEAST_MEASURED:
        raise SteeringError(f"Only {len(good)} of {len(values)} galaxies could be measured: ask for more samples.")
    w, values = np.asarray(w[good], np.float64), values[good]
    train = np.arange(len(w)) % HELD_OUT != 0
    mean, deviation = values[train].mean(axis=0), np.maximum(values[train].std(axis=0), 1e-9)
    standard = (values - mean) / deviation
    fits = [RidgeCV(ALPHAS).fit(w[train], column) for column in standard[train].T]
    r2 = [float(one.score(w[~train], column)) for one, column in zip(fits, standard[~train].T, strict=True)]
    chosen = np.flatnonzero(np.array(r2) >= LEAST_R2)
    steps = _steps(np.stack([one.coef_ for one in fits])[chosen], np.cov(w[train].T))
    figures = {
        name: Direction(unit=UNITS[name], mean=float(mean[i]), deviation=float(deviation[i]), r2=r2[i])
        for i, name in enumerate(VALUES)
    }
    return figures, {VALUES[i]: np.asarray(step, np.float32) for i, step in zip(chosen, steps, strict=True)}


def _steps(coefficients: Floats, covariance: Floats) -> Floats:
    """Return (k, w_dim): for each row of coefficients the step that changes its prediction by 1 and no other's."""
    along = covariance @ coefficients.T
    return np.asarray((along @ np.linalg.pinv(coefficients @ along)).T)


def try_out(bundle: Bundle, directions: Directions, sampling: Sampling, report: Progress = silent) -> Directions:
    """Steer new galaxies by each value, measure them before and after, and note how the two compare."""
    if not directions.steerable or not sampling.checks:
        return directions
    first = sampling.seed + sampling.samples
    seeds = list(range(first, first + sampling.checks))
    clusters = _families(bundle, seeds)
    asked = np.random.default_rng(sampling.seed).uniform(-MOST_ASKED, MOST_ASKED, len(seeds))
    deviations = np.array([directions.values[name].deviation for name in VALUES])
    measure = partial(paint_and_measure, bundle, clusters, seeds, sampling=sampling)
    before = measure(report=_stage(report, "new galaxies"))
    tried = dict(directions.values)
    for name in directions.steerable:
        steer = [{name: float(step)} for step in asked]
        after = measure(report=_stage(report, f"the same, steered by {name}"), steer=steer)
        tried[name] = compare(tried[name], name, asked, (after - before) / deviations)
    return replace(directions, values=tried)


def rescale(vectors: Vectors, tried: Directions) -> Vectors:
    """Return the directions stretched by what came of a step of 1, so that it changes its value by one deviation.

    Truncation shortens each step to psi of itself, and the regression promises more than galaxies do. Directions that
    were not tried, or that led the other way, stay as they are.
    """
    slopes = {name: tried.values[name].slope or 0.0 for name in vectors}
    stretch = {name: 1 / max(slope, LEAST_SLOPE) if slope > 0 else 1.0 for name, slope in slopes.items()}
    return {name: np.asarray(vector * stretch[name], np.float32) for name, vector in vectors.items()}


def compare(direction: Direction, name: str, asked: Floats, change: Floats) -> Direction:
    """Return a direction with what steps (N,) did to the values: change (N, 5), in their deviations."""
    good = np.isfinite(change).all(axis=1) & (asked != 0)
    if good.sum() < 3:
        return direction
    asked, change = asked[good], change[good]
    slopes = (asked @ change) / (asked @ asked)
    own = VALUES.index(name)
    kept = np.linspace(0, len(asked) - 1, min(100, len(asked))).astype(int)
    return replace(
        direction,
        slope=float(slopes[own]),
        rank_correlation=float(spearmanr(asked, change[:, own])[0]),
        moved={other: float(slopes[i]) for i, other in enumerate(VALUES) if i != own},
        points=tuple((round(float(asked[i]), 3), round(float(change[i, own]), 3)) for i in kept),
    )


def add_directions(path: Path, directions: Directions, vectors: Vectors) -> None:
    """Write directions into the bundle in the folder `path`, with their checksums in its manifest.

    Nothing else of the manifest changes, so that the bundle is known to be the same.
    """
    manifest = read_manifest(path)
    partials = {name: path / f".{name}.partial" for name in (DIRECTIONS, FIGURES, MANIFEST)}
    with partials[DIRECTIONS].open("wb") as file:
        np.savez(file, **vectors)  # type: ignore[arg-type]  # arrays by name, as it wants
    partials[FIGURES].write_text(directions.as_json())
    sums = {name: sha256(partials[name]) for name in (DIRECTIONS, FIGURES)}
    manifest["files"] = dict(sorted({**manifest["files"], **sums}.items()))
    partials[MANIFEST].write_text(json.dumps(manifest, indent=1) + "\n")
    for name, written in partials.items():
        written.replace(path / name)


def summary(directions: Directions) -> str:
    """Return what was found as a table for a terminal."""
    lines = [f"{'':15}{'R2':>7}{'slope':>8}{'rank':>7}  others, by one step"]
    for name, value in directions.values.items():
        moved = _moved(value.moved)
        lines.append(f"{name:15}{value.r2:7.2f}{_number(value.slope):>8}{_number(value.rank_correlation):>7}  {moved}")
    return "\n".join(lines)


def _moved(moved: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {change:+.2f}" for name, change in moved.items()) or "no slider: R2 is below 0.3"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
