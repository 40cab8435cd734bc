"""What may give a model's galaxies away, as far as its metrics.json knows.

found = tells(metrics)
found.measures, found.told_apart                # ("Clumps (smoothness)", ...), "93%"
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from galaxies.charts import figure
from galaxies.model_page import SHAPES

MOST = 2
BEYOND = 1.5  # times what real galaxies differ from other real ones by: less may be chance


@dataclass(frozen=True)
class Tells:
    """measures: names of what differs most in shape or colour; told_apart: how often a classifier is right, or ""."""

    measures: tuple[str, ...]
    told_apart: str


def tells(metrics: Mapping[str, Any]) -> Tells:
    """Return what differs most from real galaxies, measured by how much real ones differ among themselves."""
    entries = {**metrics.get("morphology", {}), **metrics.get("colour", {})}
    ratios = {
        name: entries[name]["value"] / max(entries[name]["floor"], 1e-9)
        for name in SHAPES
        if name in entries and entries[name]["value"] is not None and entries[name]["floor"] is not None
    }
    worst = sorted((name for name in ratios if ratios[name] > BEYOND), key=lambda name: -ratios[name])
    two_sample = (metrics.get("two_sample") or {}).get("value")
    return Tells(
        measures=tuple(_(SHAPES[name][0]) for name in worst[:MOST]),
        told_apart="" if two_sample is None else figure(two_sample, percent=True),
    )
