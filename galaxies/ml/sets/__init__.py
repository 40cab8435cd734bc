"""Sets of galaxies by the hundred thousand, each with its recipe and, if asked for, its measurements.

from pathlib import Path
plan = SetPlan.of(bundle, count=100_000, format="webp", seed=1_000_000)
generate_set(bundle, plan, Path("set"))     # goes on where it was interrupted
"""

from galaxies.ml.sets.generate import generate_set
from galaxies.ml.sets.plan import FORMATS, SIDES, SetError, SetPlan

__all__ = ["FORMATS", "SIDES", "SetError", "SetPlan", "generate_set"]
