"""What a model's page says of its uses: how well it is steered, and whether learning from its galaxies helps.

found = steering(version.path)                  # (SteeredRow, ...), () for a model without directions
scores = lessons(metrics)                       # Lessons, None where manage.py usefulness has not been run
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from galaxies.charts import figure
from galaxies.family_words import class_name
from galaxies.measured import STEERED
from galaxies.ml.bundle import read_directions
from nebulai.numbers import number, percent

SIDE = 100.0  # of a drawing's viewBox
REACH = 3.0  # standard deviations to either side of its middle
SOURCES = {"real": _("real galaxies"), "generated": _("generated galaxies"), "both": _("both")}


@dataclass(frozen=True, kw_only=True)
class SteeredRow:
    """How well a value is steered, as text. moved: what a step does to the others; points: (x, y) in the drawing."""

    title: str | Promise
    r2: str
    is_steered: bool
    slope: str
    rank_correlation: str
    moved: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Lessons:
    """rows: source, training images, accuracy, mean accuracy of the classes, as text; the rest are conditions."""

    rows: tuple[tuple[str | Promise, int, str, str], ...]
    n_test: int
    seeds: int
    classes: str


def steering(path: Path) -> tuple[SteeredRow, ...]:
    """Return how well the bundle in folder `path` is steered. Raises: BundleError if its figures cannot be read."""
    found = read_directions(path)
    if found is None:
        return ()
    return tuple(
        SteeredRow(
            title=STEERED[name].title,
            r2=figure(value.r2),
            is_steered=name in found.steerable,
            slope=figure(value.slope),
            rank_correlation=figure(value.rank_correlation),
            moved=", ".join(
                f"{STEERED[other].title} {signed(change)}"
                for other, change in value.moved.items()
                if other in STEERED and abs(change) >= 0.1
            ),
            points=tuple((_place(asked), round(SIDE - _place(came), 1)) for asked, came in value.points),
        )
        for name, value in found.values.items()
        if name in STEERED
    )


def signed(change: float) -> str:
    """Return a change with its sign."""
    sign = "+" if change >= 0 else "−"  # noqa: RUF001  (a minus, as print has it)
    return f"{sign}{number(abs(change), 2)}"


def _place(steps: float) -> float:
    return round(SIDE * (min(max(steps, -REACH), REACH) + REACH) / (2 * REACH), 1)


def lessons(metrics: Mapping[str, Any] | None) -> Lessons | None:
    """Return what `manage.py usefulness` found."""
    learned = (metrics or {}).get("learned_from")
    if not learned:
        return None
    sizes = {"real": learned["n_training"], "generated": learned["n_generated"]}
    sizes["both"] = sum(sizes.values())
    rows = tuple(
        (title, sizes[source], *(_score(learned[source][name]) for name in ("accuracy", "balanced_accuracy")))
        for source, title in SOURCES.items()
    )
    return Lessons(rows, learned["n_test"], learned["lessons"]["seeds"], ", ".join(map(class_name, learned["classes"])))


def _score(score: Mapping[str, Any]) -> str:
    mean = percent(100 * score["mean"], 1)
    return mean if score["std"] is None else f"{mean} ± {figure(100 * score['std'])}"
