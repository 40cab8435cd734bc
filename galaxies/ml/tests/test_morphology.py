from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from galaxies.ml.arrays import Images
from galaxies.ml.data.synthetic import draw, sersic
from galaxies.ml.evaluation.comparison import DRAWN, shapes
from galaxies.ml.evaluation.evaluate import Settings
from galaxies.ml.evaluation.morphology import MEASURES, Morphology, measure, wasserstein

SIDE = 64
WHITE = (1.0, 1.0, 1.0)


def galaxy(
    index: float = 1.0, radius: float = 7.0, ratio: float = 1.0, colour: tuple[float, ...] = WHITE, scale: int = 1
) -> Images:
    """A Sersic profile at the centre of a noisy sky: (64 scale, 64 scale, 3) uint8, lengths in pixels of scale 1."""
    side = SIDE * scale
    y, x = (np.mgrid[:side, :side] - (side - 1) / 2) / scale
    # The core is a seeing disc wide: an unresolved cusp would be nothing but one saturated pixel.
    light = sersic(np.hypot(np.hypot(x, y / ratio), 0.5) / radius, index)
    sky = np.random.default_rng(0).normal(6, 1, (side, side, 3))
    pixels = np.clip(light / light.max(), 0, 1)[..., None] * 200 * np.array(colour) + sky
    return np.asarray(np.clip(pixels.round(), 0, 255), dtype=np.uint8)


@cache
def measured(**shape: float) -> dict[str, float]:
    result = measure(galaxy(**shape)[None])  # type: ignore[arg-type]
    assert result.flags.tolist() == [0]
    return dict(zip(MEASURES, result.values[0], strict=True))


def test_concentration_and_gini_order_sersic_profiles() -> None:
    flat, disc, bulge = (measured(index=n) for n in (0.5, 1.0, 2.5))
    assert flat["concentration"] < disc["concentration"] < bulge["concentration"]
    assert flat["m20"] > bulge["m20"]


def test_a_gaussian_has_the_concentration_of_its_formula() -> None:
    """r80 / r20 of a Gaussian is sqrt(ln 5 / ln 1.25), so C = 5 log10 of it = 2.15."""
    assert measured(index=0.5)["concentration"] == pytest.approx(2.15, abs=0.1)


def test_half_light_radius_is_a_share_of_the_width() -> None:
    small, large = measured(index=0.5, radius=5.0), measured(index=0.5, radius=10.0)
    assert small["half_light_radius"] == pytest.approx(5 / SIDE, rel=0.1)
    assert large["half_light_radius"] == pytest.approx(10 / SIDE, rel=0.1)


def test_ellipticity_is_one_minus_the_axis_ratio() -> None:
    assert measured(ratio=1.0)["ellipticity"] < 0.08
    assert measured(ratio=0.5)["ellipticity"] == pytest.approx(0.5, abs=0.08)


def test_a_lopsided_galaxy_is_asymmetric() -> None:
    lopsided = galaxy()
    lopsided[20:28, 36:44] = 150
    result = measure(lopsided[None])
    assert result.column("asymmetry")[0] > measured()["asymmetry"] + 0.1


def test_colours_are_magnitudes_within_the_half_light_radius() -> None:
    red = measure(galaxy(colour=(1.0, 0.5, 0.25))[None])
    step = 2.5 * np.log10(2)
    assert red.column("green_red")[0] == pytest.approx(step, abs=0.05)
    assert red.column("blue_green")[0] == pytest.approx(step, abs=0.05)
    assert red.column("blue_red")[0] == pytest.approx(2 * step, abs=0.05)
    assert measure(galaxy()[None]).column("blue_red")[0] == pytest.approx(0, abs=0.02)


def test_the_same_galaxy_at_twice_the_pixels_measures_alike() -> None:
    twice = measure(galaxy(scale=4)[None])
    once = measure(galaxy(scale=2)[None])
    np.testing.assert_allclose(twice.values, once.values, atol=0.06)


def test_the_central_galaxy_is_measured_and_not_a_brighter_neighbour() -> None:
    beside = galaxy(index=0.5, radius=5.0)
    beside[:14, :14] = 255
    result = measure(beside[None])
    assert result.column("half_light_radius")[0] == pytest.approx(5 / SIDE, rel=0.15)


def test_failures_are_flagged_and_counted_and_never_raised() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    black, white = np.zeros_like(noise), np.full_like(noise, 255)
    result = measure(np.stack([black, white, noise, galaxy()]))
    assert result.counts() == {"measured": 1, "suspect": 0, "failed": 3}
    assert np.isnan(result.values[:3]).all()
    assert np.isfinite(result.values[3]).all()
    assert len(result.table()["gini"]) == 1


@pytest.mark.slow
def test_two_processes_measure_the_same_in_the_same_order() -> None:
    images, _ = draw(10, SIDE, seed=1)
    seen: list[tuple[str, int, int]] = []
    parallel = measure(images, workers=2, report=lambda *state: seen.append(state))
    alone = measure(images)
    np.testing.assert_array_equal(parallel.values, alone.values)
    np.testing.assert_array_equal(parallel.flags, alone.flags)
    assert seen[-1] == ("morphology", 10, 10)


def test_wasserstein_is_the_shift_between_two_distributions_and_leaves_failures_out() -> None:
    values = np.random.default_rng(0).normal(size=400)
    assert wasserstein(np.append(values, np.nan), values + 0.25) == pytest.approx(0.25)
    assert wasserstein(values, np.array([np.nan])) is None


def test_a_smooth_image_is_not_a_failure_for_having_no_noise() -> None:
    noisy = galaxy()
    smooth = gaussian_filter(noisy, (2, 2, 0))
    assert measure(np.stack([noisy, smooth])).counts()["failed"] == 0


def test_drawn_spirals_are_bluer_than_drawn_ellipticals() -> None:
    images, kinds = draw(12, SIDE, seed=2)
    result = measure(images)

    def median(kind: str) -> float:
        rows = np.array([i for i, k in enumerate(kinds) if k == kind])
        part: Morphology = result.take(rows)
        return float(np.nanmedian(part.column("blue_red")))

    assert median("spiral") < median("smooth_round")


def test_all_that_is_measured_counts_and_the_first_of_it_is_drawn() -> None:
    assert Settings(samples=10_000).shapes == 1250
    assert Settings(samples=10_000, morphology_samples=4).shapes == 4
    rng = np.random.default_rng(0)
    sides = [Morphology(rng.random((DRAWN + 50, len(MEASURES))), np.zeros(DRAWN + 50, np.int64)) for _ in range(4)]
    found = shapes(*sides, conditions={})
    assert found["morphology"]["asymmetry"]["n_real"] == DRAWN + 50
    assert (
        found["distributions"]["generated"]["gini"] == sides[1].values[:DRAWN, MEASURES.index("gini")].round(5).tolist()
    )
