"""Power spectra of images whose power is known."""

import numpy as np
import pytest
from numpy.typing import ArrayLike

from galaxies.ml.arrays import Images
from galaxies.ml.evaluation import spectra
from galaxies.ml.evaluation.comparison import Sides
from galaxies.ml.evaluation.rulers import shrunk
from galaxies.ml.evaluation.spectra import PLANES, edges, log_power

SIDE = 64


def noise(count: int, deviations: ArrayLike, seed: int = 0) -> Images:
    """White noise around grey, with a deviation for each image."""
    levels = np.random.default_rng(seed).normal(size=(count, SIDE, SIDE, 3)) * np.reshape(deviations, (-1, 1, 1, 1))
    return np.asarray((128 + levels).round().clip(0, 255), np.uint8)


def sides_of(held_out: Images, generated: Images, training: Images) -> Sides:
    extractor = spectra.extractor()
    zeros = [np.zeros(len(images), int) for images in (held_out, generated, training)]
    values = [extractor(images) for images in (held_out, generated, training)]
    return Sides(extractor, values[0], zeros[0], values[1], zeros[1], values[2], zeros[2], values[1][:1].repeat(9, 0))


def test_white_noise_has_its_variance_in_every_band() -> None:
    """The mean of three colours has a third of the variance, a difference of two has twice."""
    power = 10 ** log_power(noise(40, 12.0)).mean(axis=0)
    assert power.shape == (3, 10)
    np.testing.assert_allclose(power[0, 3:], 144 / 3, rtol=0.1)
    np.testing.assert_allclose(power[1:, 3:], 144 * 2, rtol=0.1)


def test_a_wave_is_in_the_band_of_its_frequency() -> None:
    for frequency in (0.1, 0.2, 0.45):
        wave = 128 + 60 * np.sin(2 * np.pi * frequency * np.arange(SIDE))
        image = np.broadcast_to(wave[None, None, :, None], (1, SIDE, SIDE, 3)).round().astype(np.uint8)
        loudest = log_power(image)[0, 0].argmax()
        assert edges(SIDE)[loudest] <= frequency < edges(SIDE)[loudest + 1]


@pytest.mark.parametrize(("side", "bands"), [(32, 8), (64, 10), (128, 12), (256, 12)])
def test_every_band_holds_a_frequency_and_black_images_are_finite(side: int, bands: int) -> None:
    found = log_power(np.zeros((2, side, side, 3), np.uint8))
    assert found.shape == (2, 3, bands)
    np.testing.assert_allclose(found, -3)
    assert edges(side)[-1] == 0.5


def test_average_grain_on_every_image_has_the_mean_of_real_images_but_not_their_spread() -> None:
    """What a stage without a latent of its own does (issue 14)."""
    rng = np.random.default_rng(3)
    varied = [noise(80, 10 ** rng.normal(1.0, 0.2, 80), seed) for seed in (1, 2)]
    found = spectra.compare(sides_of(varied[0], noise(80, 10.0, 4), varied[1]), SIDE)
    assert set(found) == set(PLANES)
    finest = found["luminance"]
    assert max(finest["spread_ratio"][-4:]) < 0.3
    assert all(0.75 < ratio < 1.3 for ratio in finest["spread_ratio_floor"][-4:])
    assert 0.7 < finest["power_ratio"][-1] < 1.4
    assert finest["value"] > 2 * finest["floor"]
    assert finest["log_power"]["held_out"]["std"][-1] == pytest.approx(0.4, rel=0.25)


def test_twice_the_colour_noise_is_four_times_the_colour_power_and_leaves_luminance_alone() -> None:
    real = noise(40, 10.0)
    grey = real.mean(axis=3, keepdims=True)
    coloured = (grey + 2 * (real - grey)).round().clip(0, 255).astype(np.uint8)
    found = spectra.compare(sides_of(real, coloured, real), SIDE)
    assert found["red_green"]["power_ratio"][-1] == pytest.approx(4, rel=0.02)
    assert found["green_blue"]["power_ratio"][-1] == pytest.approx(4, rel=0.02)
    assert found["luminance"]["power_ratio"][-1] == pytest.approx(1, rel=0.02)


def test_halving_takes_the_finest_octave_and_leaves_the_coarse_ones() -> None:
    real = noise(40, 10.0)
    ratio = np.array(spectra.compare(sides_of(real, shrunk(real, 2), real), SIDE)["luminance"]["power_ratio"])
    assert ratio[-1] < 0.02 < ratio[-2] < 0.2  # the bicubic filter leaks
    assert ratio[2] == pytest.approx(1, abs=0.1)
