import numpy as np
import pytest

from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation.extractors import Extractor, ExtractorUnavailable
from galaxies.ml.gan.monitoring import finest_power, full_size_meter, in_shares
from galaxies.ml.networks.generator import GeneratorConfig, build_generator
from galaxies.ml.networks.styled_stage import StyledStageConfig, build_styled_stage

FAMILIES = np.array([0, 0, 0, 1] * 24)


def pixels(least: int = 1) -> Extractor:
    def means(images: np.ndarray) -> np.ndarray:
        return np.asarray(images.reshape(len(images), 8, 8, 8, 8, 3).mean(axis=(2, 4)).reshape(len(images), -1) / 255)

    return Extractor(means, "means of squares", "1", least=least)


def test_families_are_sampled_in_their_shares() -> None:
    assert in_shares(np.array([3, 1, 0, 4]), 16).tolist() == [0] * 6 + [1] * 2 + [3] * 8


def test_white_noise_has_its_variance_as_power_in_the_finest_band() -> None:
    noise = np.random.default_rng(0).normal(128.0, 6.0, (40, 64, 64, 1))
    power = finest_power(np.repeat(np.clip(np.round(noise), 0, 255), 3, axis=-1).astype(np.uint8))
    assert power.shape == (40,)
    assert power.mean() == pytest.approx(np.log10(36.0), abs=0.03)


@pytest.mark.slow
def test_a_stage_is_measured_beside_training_images_and_is_far_from_them_before_it_has_learned() -> None:
    generator = build_generator(GeneratorConfig(2, z_dim=8, w_dim=8, channels=(8, 8, 8)))
    stage = build_styled_stage(StyledStageConfig(64, 4, channels=8, blocks=1, top=8))
    training = draw(len(FAMILIES), 64, seed=3)[0]
    found = full_size_meter(pixels(), training, generator, stage, families=FAMILIES, samples=24)()
    assert set(found) == {"kid", "kid_seen", "power", "spread"}
    assert found["kid"] > 0.01
    assert found == full_size_meter(pixels(), training, generator, stage, families=FAMILIES, samples=24)()


def test_what_is_too_small_is_refused_before_anything_trains() -> None:
    generator = build_generator(GeneratorConfig(2, z_dim=8, w_dim=8, channels=(8, 8)))
    stage = build_styled_stage(StyledStageConfig(32, 4, channels=8, blocks=1, top=8))
    with pytest.raises(ExtractorUnavailable, match="at least 64 px"):
        full_size_meter(pixels(least=64), np.zeros((96, 32, 32, 3), np.uint8), generator, stage, families=FAMILIES)
