"""Evaluate a generator by numbers that stand between a floor and a ceiling.

from galaxies.ml.evaluation import frechet_distance, kernel_distance, prdc

kernel_distance(real, generated)        # features (N, d) of each; near 0 is good
"""

from galaxies.ml.evaluation.evaluate import Model, RealSet, Settings, evaluate
from galaxies.ml.evaluation.metrics import (
    EvaluationError,
    frechet_distance,
    kernel_distance,
    kernel_distance_subsets,
    prdc,
)

__all__ = [
    "EvaluationError",
    "Model",
    "RealSet",
    "Settings",
    "evaluate",
    "frechet_distance",
    "kernel_distance",
    "kernel_distance_subsets",
    "prdc",
]
