from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import convolve1d

from galaxies.ml.data import synthetic
from galaxies.ml.gan.augment import AugmentSettings, augment, expand_channels, random_symmetry
from galaxies.ml.gan.losses import quantize_straight_through, range_penalty
from galaxies.ml.networks.layers import to_float

KEY = tf.constant([3, 4])


def symmetry(images: np.ndarray, which: int) -> np.ndarray:
    """One of the eight symmetries of the square, which in 0..7."""
    images = np.rot90(images, which % 4, axes=(1, 2))
    return images[:, :, ::-1] if which >= 4 else images


def look(images: Any) -> Any:
    return expand_channels(images, AugmentSettings())


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return synthetic.draw(256, 16, seed=5)[0]


def test_turning_gives_one_of_the_eight_symmetries_to_each_image(images: np.ndarray) -> None:
    turned = random_symmetry(tf.constant(images[:64]), KEY).numpy()
    which = set()
    for before, after in zip(images, turned, strict=False):
        matches = [i for i in range(8) if np.array_equal(symmetry(before[None], i)[0], after)]
        assert len(matches) == 1
        which.add(matches[0])
    assert which == set(range(8))


def test_augmentation_moves_and_cuts_and_is_differentiable() -> None:
    x = tf.Variable(tf.ones([8, 16, 16, 3]))
    with tf.GradientTape() as tape:
        seen = augment(x, KEY, AugmentSettings(translation=0.125, cutout=0.5))
    assert 0.05 < (seen.numpy() == 0).mean() <= 0.25
    gradient = tape.gradient(seen, x).numpy()
    assert gradient.sum() == pytest.approx((seen.numpy() == 1).sum())


def test_what_moves_in_is_mirrored() -> None:
    rows = np.arange(16.0, dtype="float32")
    x = np.broadcast_to(rows[None, :, None, None], (40, 16, 16, 3))
    seen = np.asarray(augment(tf.constant(x), KEY, AugmentSettings(translation=0.125, cutout=0.0)))[:, :, 3, 0]
    found = {tuple(row) for row in seen[::2]}
    padded = np.pad(rows, 2, mode="reflect")
    assert found == {tuple(padded[i : i + 16]) for i in (0, 2, 4)}


def test_every_second_image_is_blurred_and_nothing_else_without_translation_and_cutout(images: np.ndarray) -> None:
    x = to_float(images[:4])
    seen = np.asarray(augment(x, KEY, AugmentSettings(0.0, 0.0)))
    assert np.allclose(seen[::2], x[::2], atol=1e-6)
    blur = np.array([1, 6, 15, 20, 15, 6, 1]) / 64
    for axis in (1, 2):
        x = convolve1d(x, blur, axis=axis, mode="mirror")
    assert np.allclose(seen[1::2], x[1::2], atol=1e-5)


def test_a_discriminator_sees_the_image_its_asymmetry_its_faint_light_and_its_colours(images: np.ndarray) -> None:
    x = to_float(images[:4])
    symmetric = (x + x[:, ::-1, ::-1]) / 2
    assert np.allclose(look(x)[..., :3], x)
    assert np.allclose(look(symmetric)[..., 3:6], -1, atol=1e-6)
    assert np.abs(np.asarray(look(x)[..., 3:6]) + 1).mean() > 0.01
    black, sky, white = (
        np.asarray(look(np.full((1, 2, 2, 3), v / 127.5 - 1, "float32")))[..., 6:9] for v in (0, 4, 255)
    )
    assert np.allclose([black, white], [np.full_like(black, -1), np.full_like(black, 1)], atol=1e-5)
    assert (sky - black > 10 * 4 / 127.5 / 2).all()  # enlarged by far where it is dark
    grey = np.repeat(x.numpy()[..., :1], 3, axis=-1)
    green = grey + np.array([0, 0.1, 0], "float32")
    assert np.allclose(look(grey)[..., 9:], 0)
    assert np.allclose(look(green)[..., 9:], [-0.6, 0.6], atol=1e-5)


def test_neither_range_nor_levels_tell_files_from_generated_images(images: np.ndarray) -> None:
    x = to_float(images[:4])
    assert np.allclose(quantize_straight_through(x), x, atol=1e-6)
    generated = tf.Variable(x * 3 + 0.001)
    with tf.GradientTape() as tape:
        kept = quantize_straight_through(generated)
    written = np.clip(np.rint((generated.numpy() + 1) * 127.5), 0, 255).astype(np.uint8)
    assert np.allclose(kept, to_float(written), atol=1e-6)
    assert (tape.gradient(kept, generated).numpy() == 1).all()


def test_only_what_lies_well_beyond_black_and_white_costs(images: np.ndarray) -> None:
    x = to_float(images[:4]).numpy()
    assert float(range_penalty(1.05 * x, 0.1)) == 0
    x[2, 3, 4] = [3, -2, 0]
    assert float(range_penalty(x, 0.1)) == pytest.approx((1.9 + 0.9) / 4)
