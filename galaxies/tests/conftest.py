"""A measured model: the tiny bundle, measured once on galaxies it was not trained beside."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.synthetic import dataset
from galaxies.ml.evaluation import Settings
from galaxies.ml.evaluation.of_bundle import evaluate_bundle, write_metrics
from galaxies.models import ModelVersion


@pytest.fixture(scope="session")
def numbers(tiny_bundle: Path) -> dict[str, Any]:
    """What `manage.py evaluate` would write, from few shapes because each takes a quarter of a second."""
    settings = Settings(samples=1000, morphology_samples=12, workers=1, kid_subsets=20, split="drawn for tests")
    return evaluate_bundle(load_bundle(tiny_bundle), dataset(1400, 32, seed=7), settings)


@pytest.fixture
def metrics(numbers: dict[str, Any]) -> dict[str, Any]:
    """The numbers, to be changed at will."""
    return deepcopy(numbers)


@pytest.fixture
def measured(version: ModelVersion, metrics: dict[str, Any]) -> ModelVersion:
    """The active model, its numbers in its folder."""
    write_metrics(version.path, metrics)
    return version
