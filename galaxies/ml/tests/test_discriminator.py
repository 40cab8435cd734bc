import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml.features.encoder import EncoderConfig, build_encoder
from galaxies.ml.gan.adversarial import AdversarialSettings, AdversarialTrainer
from galaxies.ml.gan.sampling import LabelledImages, other_labels
from galaxies.ml.networks.discriminator import build_discriminator
from galaxies.ml.networks.generator import GeneratorConfig, build_generator

CONFIG = GeneratorConfig(n_clusters=3, z_dim=8, w_dim=16, channels=(16, 12, 8))
FEATURES = EncoderConfig(16, (8, 12), 6)
LABELS = np.eye(3, dtype="float32")[np.arange(6) % 3]


def views() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.standard_normal((6, 16, 16, 11)).astype("float32")
    return images, images[..., :3]


def test_every_head_depends_on_the_family_and_that_of_pixels_on_the_batch() -> None:
    discriminator = build_discriminator(CONFIG, (8, 12), build_encoder(FEATURES))
    seen = views()
    logits, mismatched = (np.asarray(found) for found in discriminator(*seen, [LABELS, LABELS[[1, 2, 0, 1, 2, 0]]]))
    assert logits.shape == (6, 3)  # pixels, and maps of 8 and 4 px
    assert (np.abs(logits - mismatched).max(axis=0) > 1e-4).all()
    collapsed = [np.repeat(images[:1], 6, axis=0) for images in seen]
    (alike,) = discriminator(*collapsed, [LABELS])
    assert not np.allclose(np.asarray(alike)[0, 0], logits[0, 0])
    assert np.allclose(np.asarray(alike)[0, 1:], logits[0, 1:], atol=1e-5)


def test_without_a_feature_network_there_is_one_head() -> None:
    (logits,) = build_discriminator(CONFIG, (8, 12))(*views(), [LABELS])
    assert logits.shape == (6, 1)


@pytest.mark.slow
def test_the_feature_network_stays_as_it_is_while_all_else_learns() -> None:
    feature_network = build_encoder(FEATURES)
    images = np.random.default_rng(1).integers(0, 256, (32, 16, 16, 3)).astype(np.uint8)
    data = LabelledImages(images, np.arange(32) % 3, 3)
    trainer = AdversarialTrainer(
        data, build_generator(CONFIG), AdversarialSettings((8, 12), batch=8), feature_network=feature_network
    )
    before = [np.array(w) for w in feature_network.get_weights()]
    learning = [np.array(w) for w in trainer.discriminator.trainable_variables]
    heads, _, mismatched = trainer.step(tf.constant(0), tf.constant(1.0), tf.constant(0.5), True)
    trainer.regularize(tf.constant(0))
    assert heads.shape == mismatched.shape == (3,)
    assert all(np.array_equal(a, b) for a, b in zip(before, feature_network.get_weights(), strict=True))
    pairs = zip(learning, trainer.discriminator.trainable_variables, strict=True)
    assert not [b.path for a, b in pairs if a.ndim > 1 and np.array_equal(a, b)]  # logits' biases cancel out


def test_what_a_file_would_cut_costs_the_generator() -> None:
    data = LabelledImages(np.zeros((8, 16, 16, 3), np.uint8), np.arange(8) % 3, 3)
    settings = AdversarialSettings((8, 12), batch=8)
    trainer = AdversarialTrainer(data, build_generator(CONFIG), settings)
    losses = []
    for level in (1.0, 3.0):  # both white in a file
        trainer.generator.mean_image.assign(np.full((16, 16, 3), level))
        losses.append(float(trainer.step(tf.constant(0), tf.constant(0.0), tf.constant(1.0), False)[1]))
    assert losses[1] - losses[0] > settings.range_weight * 16 * 16 * 3


def test_another_label_is_never_the_same_and_each_comes_up() -> None:
    labels = np.eye(4, dtype="float32")[np.arange(400) % 4]
    others = np.asarray(other_labels(tf.constant(labels), tf.constant([1, 2])))
    assert np.array_equal(others.sum(axis=1), np.ones(400))
    assert not (others * labels).any()
    assert (others[::4].sum(axis=0)[1:] > 15).all()
    assert np.array_equal(other_labels(tf.ones([5, 1]), tf.constant([1, 2])), np.ones((5, 1)))
