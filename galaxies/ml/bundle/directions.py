"""Directions in w along which a value of the galaxy changes and the others stay, and how well each does.

    directions = read_directions(path)                  # of the bundle in that folder; None if it has none
    directions.steerable                                # ("size", "colour")
    parse_steer("size=+1,colour=-0.5")                  # {"size": 1.0, "colour": -0.5}

A step of 1 is meant to change the value by one standard deviation of the model's own galaxies; `slope` says how much
it did; directions with `scaled_on` in their conditions were scaled for that, earlier ones give less. `directions.npz`
holds the vectors, `directions.json` the figures; `galaxies.ml.steering` finds both (Shen et al. 2020, InterFaceGAN).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from galaxies.ml.bundle.files import BundleError

DIRECTIONS = "directions.npz"  # a model may have them
FIGURES = "directions.json"
VALUES = ("size", "elongation", "colour", "concentration", "brightness")
LEAST_R2 = 0.3  # below it a value is not steered
MOST_STEPS = 5.0


class SteerError(ValueError):
    """A text says no steps; the message says how they are written."""


@dataclass(frozen=True, kw_only=True)
class Direction:
    """How well a value is steered.

    deviation: one standard deviation of the value, in `unit`; r2: of the regression on samples held out. On new
    galaxies: slope, the measured change for a step of 1 in deviations; rank_correlation of asked and measured change;
    moved, the change of each other value for a step of 1, in its deviations; points, (asked, measured) of some.
    """

    unit: str
    mean: float
    deviation: float
    r2: float
    slope: float | None = None
    rank_correlation: float | None = None
    moved: Mapping[str, float] = field(default_factory=dict)
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Directions:
    """values: all that were sought, by name; conditions: how."""

    values: Mapping[str, Direction]
    conditions: Mapping[str, Any]

    @property
    def steerable(self) -> tuple[str, ...]:
        """The names of those that the regression predicts well enough."""
        return tuple(name for name, value in self.values.items() if value.r2 >= LEAST_R2)

    def as_json(self) -> str:
        """Return the text of the file."""
        values = {name: asdict(value) for name, value in self.values.items()}
        return json.dumps({"values": values, "conditions": self.conditions}, indent=1, allow_nan=False) + "\n"


def read_directions(path: Path) -> Directions | None:
    """Return how well the bundle in the folder `path` is steered; None if it is not. Raises: BundleError."""
    file = path / FIGURES
    try:
        found = json.loads(file.read_text())
        values = {name: Direction(**value) for name, value in found["values"].items()}
        return Directions(values, found["conditions"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BundleError(f"{file} is damaged: restore the folder or import the bundle again.") from error


def parse_steer(text: str) -> dict[str, float]:
    """Return the steps by name of a text like "size=+1,colour=-0.5". Raises: SteerError."""
    steer: dict[str, float] = {}
    for part in filter(None, text.replace(" ", "").split(",")):
        name, _, step = part.partition("=")
        try:
            steer[name] = float(step)
        except ValueError:
            raise SteerError(f"{part} is no step: write it as size=+1 or colour=-0.5.") from None
        if not name or not abs(steer[name]) <= MOST_STEPS:  # NaN is no step
            raise SteerError(f"{part} is no step from -{MOST_STEPS:g} to {MOST_STEPS:g}: write it as size=+1.")
    return {name: step for name, step in steer.items() if step}


def write_steer(steer: Mapping[str, float]) -> str:
    """Return steps as the text that `parse_steer` reads, in the order of their names."""
    return ",".join(f"{name}={step:+g}" for name, step in sorted(steer.items()) if step)
