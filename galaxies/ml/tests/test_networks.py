import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml.networks.generator import GeneratorConfig, build_generator
from galaxies.ml.networks.latent_encoder import build_latent_encoder
from galaxies.ml.networks.layers import Trunk
from galaxies.ml.networks.super_resolution import StageConfig, build_stage

CONFIG = GeneratorConfig(n_clusters=3, z_dim=8, w_dim=16, channels=(16, 12, 8))


def latents(n: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    random = np.random.default_rng(0)
    z = random.standard_normal((n, CONFIG.z_dim)).astype("float32")
    labels = np.eye(3, dtype="float32")[np.arange(n) % 3]
    sides = build_generator(CONFIG).noise_resolutions
    return z, labels, [random.standard_normal((n, side, side, 1)).astype("float32") for side in sides]


def test_the_generator_gives_its_resolution_and_starts_at_the_mean_image() -> None:
    generator = build_generator(CONFIG)
    generator.mean_image.assign(np.full((16, 16, 3), -0.9))
    z, labels, noise = latents(4)
    images = np.asarray(generator(generator.map(z, labels), noise))
    assert images.shape == (4, CONFIG.resolution, CONFIG.resolution, 3)
    assert images.mean() == pytest.approx(-0.9, abs=0.3)
    assert images.std(axis=0).mean() > 0


def test_noise_and_family_reach_the_image() -> None:
    generator = build_generator(CONFIG)
    for variable in generator.trainable_variables:
        if "noise_strength" in variable.path:
            variable.assign(variable + 0.5)
    z, labels, noise = latents(3)
    w = generator.map(z, labels)
    for plane in range(len(noise)):
        changed = [n + (i == plane) for i, n in enumerate(noise)]
        assert not np.allclose(generator(w, noise), generator(w, changed)), plane
    assert not np.allclose(w, generator.map(z, labels[[1, 2, 0]]))


def test_truncation_at_zero_is_the_family_mean_and_at_one_nothing() -> None:
    generator = build_generator(CONFIG)
    generator.w_mean.assign(np.random.default_rng(1).standard_normal((3, 16)))
    z, labels, _ = latents(3)
    w = generator.map(z, labels)
    assert np.allclose(generator.truncate(w, labels, np.zeros((3, 1), "float32")), generator.w_mean)
    assert np.allclose(generator.truncate(w, labels, np.ones((3, 1), "float32")), w, atol=1e-6)


def test_styled_convolutions_keep_the_scale_of_what_passes() -> None:
    """The demodulation divides what the style multiplies: ten times the style changes nothing."""
    generator = build_generator(CONFIG)
    z, labels, noise = latents(4)
    before = np.asarray(generator(generator.map(z, labels), noise))
    for layer in (generator.first, *generator.before, *generator.after):
        for weight in layer.style.trainable_variables:
            weight.assign(weight * 10)
    assert np.allclose(before, generator(generator.map(z, labels), noise), atol=1e-3)


def test_the_trunk_sees_every_pixel() -> None:
    trunk = Trunk((8, 12))
    image = tf.Variable(np.random.default_rng(0).standard_normal((1, 16, 16, 3)).astype("float32"))
    with tf.GradientTape() as tape:
        maps = trunk(image)
        total = tf.reduce_sum(maps[-1] ** 2)
    assert [found.shape for found in maps] == [(1, 8, 8, 8), (1, 4, 4, 12)]
    assert (np.abs(tape.gradient(total, image).numpy()).max(axis=-1) > 0).all()


def test_the_latent_encoder_gives_a_mean_and_a_log_variance() -> None:
    encoder = build_latent_encoder(CONFIG, (8, 12))
    mean, log_variance = encoder(np.zeros((2, 16, 16, 3), "float32"), np.eye(2, 3, dtype="float32"))
    assert mean.shape == log_variance.shape == (2, CONFIG.z_dim)


def test_a_stage_doubles_the_side_and_starts_near_plain_enlargement() -> None:
    stage = build_stage(StageConfig(32, channels=8, blocks=1, top=8))
    random = np.random.default_rng(0)
    low = random.uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    made = np.asarray(stage(low, random.standard_normal((2, 32, 32, 1)).astype("float32")))
    assert made.shape == (2, 32, 32, 3)
    assert np.corrcoef(made.ravel(), np.asarray(tf.image.resize(low, (32, 32))).ravel())[0, 1] > 0.5


def test_a_stage_changes_nothing_that_was_there() -> None:
    stage = build_stage(StageConfig(32, channels=8, blocks=1, top=8))
    random = np.random.default_rng(0)
    stage.set_weights([random.standard_normal(weight.shape) * 0.3 for weight in stage.get_weights()])
    low = random.uniform(-1, 1, (2, 16, 16, 3)).astype("float32")
    made = stage(low, random.standard_normal((2, 32, 32, 1)).astype("float32"))
    assert np.abs(np.asarray(made) - np.asarray(tf.image.resize(low, (32, 32)))).mean() > 0.1
    assert np.allclose(tf.nn.avg_pool2d(made, 2, 2, "VALID"), low, atol=1e-4)
