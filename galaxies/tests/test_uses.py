from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from galaxies.ml.evaluation.of_bundle import add_learned_from
from galaxies.models import ModelVersion
from galaxies.uses import lessons, steering


def learned() -> dict[str, Any]:
    score = {"mean": 0.625, "std": 0.013, "values": [0.61, 0.64]}
    return {
        "classes": ["smooth", "spiral"],
        **{"n_training": 40, "n_generated": 40, "n_test": 12, "lessons": {"seeds": 2}},
        **{source: {"accuracy": score, "balanced_accuracy": score} for source in ("real", "generated", "both")},
    }


def test_scores_stand_with_their_spread_and_the_number_of_images() -> None:
    found = lessons({"learned_from": learned()})
    assert found is not None
    assert [(images, accuracy) for _source, images, accuracy, _balanced in found.rows] == [
        (40, "62.5% ± 1.30"),
        (40, "62.5% ± 1.30"),
        (80, "62.5% ± 1.30"),
    ]
    assert lessons(None) is None
    assert lessons({"kid": {}}) is None


def test_a_bundle_without_directions_tells_nothing(tmp_path: Path) -> None:
    assert steering(tmp_path) == ()


@pytest.mark.django_db
def test_the_page_of_the_model_has_the_table(client: Client, measured: ModelVersion) -> None:
    assert "Learning from its galaxies" not in client.get("/model/").content.decode()
    add_learned_from(measured.path, learned())
    page = client.get("/model/").content.decode()
    assert "Learning from its galaxies" in page
    assert "62.5% ± 1.30" in page
