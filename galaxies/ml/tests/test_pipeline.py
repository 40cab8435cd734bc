from pathlib import Path

import numpy as np

from galaxies.ml.gan.monitoring import set_w_mean
from galaxies.ml.loop import Run
from galaxies.ml.networks.generator import GeneratorConfig, build_generator
from galaxies.ml.pipeline import Training, fit_clusters
from galaxies.ml.presets import PRESETS


def training(folder: Path) -> Training:
    return Training(np.zeros((1, 32, 32, 3), np.uint8), PRESETS["tiny"], Run(folder), lambda report: None)


def features() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(6), [90, 80, 70, 60, 50, 40])
    return np.eye(6, 16)[truth] * 5 + random.normal(0, 0.2, (len(truth), 16)), truth


def test_a_retrained_model_takes_over_the_ids_of_its_families(tmp_path: Path) -> None:
    points, truth = features()
    old = np.array([4, 2, 5, 0, 1, 3])[truth]
    clusters = fit_clusters(points, training(tmp_path), lambda: old)
    assert np.array_equal(clusters.assign(points), old)


def test_a_cut_is_made_once_in_a_run(tmp_path: Path) -> None:
    points, _ = features()
    first = fit_clusters(points, training(tmp_path), lambda: None)
    second = fit_clusters(points[::-1] * 2 + 1, training(tmp_path), lambda: None)
    assert np.array_equal(first.centroids, second.centroids)
    assert first.choices == second.choices


def test_w_mean_is_the_middle_of_a_family() -> None:
    generator = build_generator(GeneratorConfig(3, 8, 16, (8, 8)))
    set_w_mean(generator, 4096)
    z = np.random.default_rng(5).standard_normal((20_000, 8)).astype("float32")
    labels = np.tile(np.eye(3, dtype="float32")[1], (len(z), 1))
    drawn = np.asarray(generator.map(z, labels)).mean(axis=0)
    assert np.allclose(generator.w_mean[1], drawn, atol=0.1)
    assert not np.allclose(generator.w_mean[0], generator.w_mean[1], atol=0.1)
