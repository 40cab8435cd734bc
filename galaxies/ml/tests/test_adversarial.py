import csv
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml import loop
from galaxies.ml.data import synthetic
from galaxies.ml.data.resize import area_resize
from galaxies.ml.features.encoder import (
    EncoderConfig,
    ViewSettings,
    build_encoder,
    contrastive_loss,
    make_encode,
    make_view,
)
from galaxies.ml.gan.adversarial import AdversarialSettings, train_adversarial
from galaxies.ml.gan.losses import gradient_penalty
from galaxies.ml.gan.sampling import LabelledImages
from galaxies.ml.gan.warm_start import WarmStartSettings, warm_start
from galaxies.ml.loop import Budget, Run
from galaxies.ml.mixed_precision import dtype_policy, faster_policy
from galaxies.ml.networks.generator import Generator, GeneratorConfig, build_generator
from galaxies.ml.networks.layers import to_float

KEY = tf.constant([3, 4])


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return synthetic.draw(256, 16, seed=5)[0]


def test_the_penalty_is_the_squared_gradient_norm() -> None:
    x = tf.random.stateless_normal([5, 4, 4, 3], KEY)
    assert float(gradient_penalty(lambda i: tf.reduce_sum(3 * i, axis=(1, 2, 3)), x)) == pytest.approx(9 * 48)


def test_contrastive_loss_rewards_pairs_and_by_how_much() -> None:
    eye = tf.eye(4)
    paired = float(contrastive_loss(eye, eye, 0.2))
    assert paired == pytest.approx(np.log(np.exp(5) + 6) - 5, abs=1e-4)  # partner at 1 / 0.2, six others at 0
    assert float(contrastive_loss(eye, tf.roll(eye, 1, 0), 0.2)) > paired + 1


def test_half_of_the_views_are_grey_and_none_changes_its_hue() -> None:
    red = np.zeros((200, 16, 16, 3), np.uint8)
    red[..., 0] = 200
    views = make_view(to_float(red), KEY, ViewSettings()).numpy() + 1
    middle = views[:, 6:10, 6:10].mean(axis=(1, 2))
    grey = np.ptp(middle, axis=1) < 0.1
    assert 0.35 < grey.mean() < 0.65
    assert (np.abs(middle[~grey, 1:]) < 0.1).all()  # red stays red


def test_area_resize_averages(images: np.ndarray) -> None:
    half = area_resize(images[:3], 8)
    assert half.shape == (3, 8, 8, 3)
    assert np.abs(half[0, 0, 0] - images[0, :2, :2].mean(axis=(0, 1))).max() <= 0.5


@pytest.mark.slow
def test_the_warm_start_learns_the_images(images: np.ndarray, tmp_path: Path) -> None:
    data = LabelledImages(images, np.arange(256) % 4, 4)
    run, config = Run(tmp_path), GeneratorConfig(4, 8, 16, (16, 12, 8))
    for images_seen in (11_200, 14_400):  # the log's last line is of the last 3,200 images alone
        generator = warm_start(
            data, config, Budget(images=images_seen), WarmStartSettings((8, 12)), run=run, reporter=lambda report: None
        )
    assert np.allclose(generator.mean_image, images.mean(axis=0) / 127.5 - 1, atol=1e-5)
    spread = float(((images / 127.5 - images.mean(axis=0) / 127.5) ** 2).sum(axis=(1, 2, 3)).mean() / 0.2)
    error = float(run_losses(run)[-1]["error"])
    assert error < spread  # which is the error of the mean image


def run_losses(run: Run) -> list[dict[str, float]]:
    with (run.folder / "log.csv").open(newline="") as file:
        return [json.loads(row["losses"]) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_features_do_not_depend_on_the_batch(images: np.ndarray) -> None:
    encode = make_encode(build_encoder(EncoderConfig(16, (8, 12), 6)))
    features = encode(images[:70])
    assert features.shape == (70, 6)
    assert np.allclose(features[66:68], encode(images[66:68]), atol=1e-4)


def test_an_encoder_in_half_precision_gives_nearly_the_same_float32_features(images: np.ndarray) -> None:
    config = EncoderConfig(16, (8, 12), 6)
    whole = build_encoder(config)
    with dtype_policy("mixed_bfloat16"):
        half = build_encoder(config)
    half.set_weights(whole.get_weights())
    features = half(to_float(images[:8]))
    assert features.dtype == tf.float32
    assert half.trunk.stem.compute_dtype == "bfloat16"
    assert np.allclose(features, whole(to_float(images[:8])), atol=0.05)


def test_the_policy_is_one_of_two_and_does_not_stay() -> None:
    assert faster_policy() in ("float32", "mixed_bfloat16")
    with dtype_policy("mixed_bfloat16"):
        pass
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
def test_the_generator_of_the_lowest_kid_is_kept(
    images: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FIRST_REPORT_SECONDS", 0.0)
    seen: list[np.ndarray] = []

    def measure_kid(generator: Generator) -> float:
        seen.append(np.concatenate([w.ravel() for w in generator.get_weights()]))
        return abs(len(seen) - 3)  # the third is the best

    generator = build_generator(GeneratorConfig(4, 8, 16, (16, 12, 8)))
    settings = AdversarialSettings(discriminator=(8, 12), batch=8, head_start=0, ema_images=8, measure_seconds=0.0)
    data = LabelledImages(images, np.arange(256) % 4, 4)
    kept = train_adversarial(
        data,
        generator,
        settings,
        Budget(images=48),
        run=Run(tmp_path),
        reporter=lambda report: None,
        measure_kid=measure_kid,
    )
    weights = np.concatenate([w.ravel() for w in kept.get_weights()])
    assert np.allclose(weights, seen[2])
    assert not np.allclose(weights, seen[-1])
    assert [row["kid"] for row in run_losses(Run(tmp_path))] == [2, 1, 0, 1, 2, 3]
