from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.synthetic import dataset
from galaxies.ml.evaluation import EvaluationError
from galaxies.ml.evaluation.of_bundle import add_learned_from, write_metrics
from galaxies.ml.evaluation.usefulness import Lessons, learn_from, table, usual_classes

QUICK = Lessons(seeds=2, steps=120, batch=32, side=16, channels=(8, 8))


@pytest.mark.slow
def test_each_source_is_scored_with_every_seed_and_kept_among_the_numbers(tiny_bundle: Path, tmp_path: Path) -> None:
    data = dataset(400, 32, seed=7)
    learned = learn_from(load_bundle(tiny_bundle), data, QUICK)
    for source in ("real", "generated", "both"):
        assert len(learned[source]["accuracy"]["values"]) == 2
        assert 0 <= learned[source]["balanced_accuracy"]["mean"] <= 1
    assert learned["real"]["accuracy"]["mean"] > 1 / len(learned["classes"])
    assert learned["n_generated"] == learned["n_training"]
    assert "learned from" in table(learned)
    add_learned_from(tmp_path, learned)
    write_metrics(tmp_path, {"kid": 1})  # measured again: what was found apart from that stays
    assert '"learned_from"' in (tmp_path / "metrics.json").read_text()


def test_images_without_classes_are_refused() -> None:
    data = dataset(100, 16, seed=7)
    unlabelled = replace(data, labels=type(data.labels)([""] * len(data.labels)))
    with pytest.raises(EvaluationError, match="give images with labels"):
        usual_classes(unlabelled)


def test_rare_classes_are_left_out() -> None:
    data = dataset(300, 16, seed=7)
    labels = list(data.labels)
    labels[int(np.flatnonzero(~data.held_out)[0])] = "once"
    assert "once" not in usual_classes(replace(data, labels=type(data.labels)(labels)))
