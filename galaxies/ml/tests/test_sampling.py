from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml.gan.adversarial import AdversarialSettings, train_adversarial
from galaxies.ml.gan.sampling import LabelledImages, draw_batch, draw_rows, sampling_weights, thinned
from galaxies.ml.loop import Budget, Run
from galaxies.ml.networks.generator import GeneratorConfig, build_generator

RANDOM = np.random.default_rng(0)
CLUSTERS = np.repeat([0, 1, 2], [600, 300, 100])
# The rare family is liked much more than the others, and half of every family more than its other half
LIKED = RANDOM.random(1000) < 0.5
LIKES = np.where(LIKED, 0.6, 0.2) * np.array([0.3, 0.5, 1.0])[CLUSTERS]
DRAWS = 60_000


def test_weights_follow_the_likes_within_a_family_and_leave_its_share() -> None:
    weights = sampling_weights(LIKES, CLUSTERS)
    for family in range(3):
        its = family == CLUSTERS
        assert np.isclose(weights[its].mean(), 1)
        assert np.isclose(weights[its & LIKED].max() / weights[its & ~LIKED].min(), 3)


def test_what_is_liked_is_drawn_more_often_and_every_family_as_often_as_before() -> None:
    weights = sampling_weights(LIKES, CLUSTERS)
    rows = draw_rows(1000, DRAWS, tf.constant([3, 4]), weights).numpy()
    assert rows.min() >= 0
    assert rows.max() <= 999
    shares = np.bincount(CLUSTERS[rows]) / DRAWS
    assert np.allclose(shares, [0.6, 0.3, 0.1], atol=0.01)  # 5 standard errors
    expected = weights[LIKED].sum() / 1000
    assert expected > 0.7
    assert np.isclose(LIKED[rows].mean(), expected, atol=0.01)


def test_without_weights_all_are_drawn_alike() -> None:
    counts = np.bincount(draw_rows(10, DRAWS, tf.constant([3, 4])).numpy(), minlength=10)
    assert np.allclose(counts / DRAWS, 0.1, atol=0.01)


def test_kid_is_measured_on_what_is_drawn_but_nothing_twice() -> None:
    weights = np.repeat(sampling_weights(LIKES, CLUSTERS), 20)
    kept = thinned(weights, seed=1)
    drawn = np.average(np.repeat(LIKED, 20), weights=weights)
    assert np.isclose(np.repeat(LIKED, 20)[kept].mean(), drawn, atol=0.02)
    assert thinned(np.ones(50), seed=1).all()


@pytest.mark.slow
def test_the_discriminator_sees_weighed_images(tmp_path: Path) -> None:
    """Half of the images are black and half white; the black ones weigh next to nothing."""
    images = np.zeros((64, 16, 16, 3), np.uint8)
    images[::2] = 255
    weights = np.where(np.arange(64) % 2 == 0, 1.0, 1e-9)
    data = LabelledImages(images, np.arange(64) // 32, 2, weights)
    generator = build_generator(GeneratorConfig(2, 8, 16, (16, 12, 8)))
    settings = AdversarialSettings(discriminator=(8, 12), batch=8, head_start=0, ema_images=8)
    seen, labels = draw_batch(data, 8, tf.constant([0, 1]))
    assert (seen.numpy() == 1).all()
    assert labels.shape == (8, 2)
    train_adversarial(data, generator, settings, Budget(images=16), run=Run(tmp_path), reporter=lambda report: None)
