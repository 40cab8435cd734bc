from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from galaxies.ml.evaluation import (
    EvaluationError,
    frechet_distance,
    kernel_distance,
    kernel_distance_subsets,
    prdc,
)
from galaxies.ml.evaluation.metrics import (
    moments,
    named_rightly,
    near_duplicates,
    nearest_distances,
    share_below,
    two_sample_accuracy,
)

EYE4 = np.eye(4)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mu1", "sigma1", "mu2", "sigma2", "expected"),
    [
        ([0], [[1]], [3], [[4]], 10),
        (np.zeros(4), EYE4, np.zeros(4), 4 * EYE4, 4),
        ([0, 0], [[2, 1], [1, 2]], [0, 0], np.diag([1, 3]), 0.5166852),
        (np.zeros(2048), np.eye(2048), np.ones(2048), np.eye(2048), 2048),
    ],
)
def test_frechet_distance_of_known_moments(
    mu1: ArrayLike, sigma1: ArrayLike, mu2: ArrayLike, sigma2: ArrayLike, expected: float
) -> None:
    assert frechet_distance(mu1, sigma1, mu2, sigma2) == pytest.approx(expected, abs=1e-7)


def test_frechet_distance_of_rank_deficient_covariances_is_that_of_their_common_subspace(
    rng: np.random.Generator,
) -> None:
    """The moments of 20 samples in 64 dimensions: S1 S2 has no real square root that `sqrtm` would find."""
    basis = np.linalg.qr(rng.standard_normal((64, 64)))[0][:, :8]
    small1, small2 = (moments(rng.standard_normal((20, 8)) * scale) for scale in (1, 2))
    embedded = [(basis @ mu, basis @ sigma @ basis.T) for mu, sigma in (small1, small2)]
    distance = frechet_distance(*embedded[0], *embedded[1])
    assert isinstance(distance, float)
    assert distance == pytest.approx(frechet_distance(*small1, *small2), abs=1e-5)


def test_frechet_distance_to_itself_is_zero_and_never_below(rng: np.random.Generator) -> None:
    nearly_flat = rng.standard_normal((300, 40)) * np.logspace(0, -9, 40)
    distance = frechet_distance(*moments(nearly_flat), *moments(nearly_flat))
    assert 0 <= distance < 1e-6


def test_frechet_distance_of_commuting_covariances_over_eighteen_orders_of_magnitude(rng: np.random.Generator) -> None:
    """Known in closed form: the squared differences of the standard deviations."""
    a, b = np.logspace(3, -6, 50), np.logspace(-6, 3, 50)
    turn = np.linalg.qr(rng.standard_normal((50, 50)))[0]
    sigma1, sigma2 = (turn @ np.diag(d**2) @ turn.T for d in (a, b))
    assert frechet_distance(np.zeros(50), sigma1, np.zeros(50), sigma2) == pytest.approx(((a - b) ** 2).sum(), rel=1e-4)


def test_frechet_distance_of_two_halves_falls_as_n_grows(rng: np.random.Generator) -> None:
    samples = rng.standard_normal((8000, 32))
    distances = [frechet_distance(*moments(samples[:n]), *moments(samples[-n:])) for n in (250, 1000, 4000)]
    assert distances[0] > 2 * distances[1] > 4 * distances[2] > 0


def test_frechet_distance_refuses_moments_that_are_not_numbers() -> None:
    with pytest.raises(EvaluationError, match="NaN"):
        frechet_distance([0, np.nan], np.eye(2), [0, 0], np.eye(2))
    with pytest.raises(EvaluationError, match="shape"):
        frechet_distance([0, 0], np.eye(3), [0, 0], np.eye(2))


def test_kernel_distance_of_known_points() -> None:
    x = [[1, 0], [0, 1], [1, 1]]
    assert kernel_distance([[0, 0], [2, 0]], [[0, 2], [2, 2]]) == pytest.approx(13)
    assert kernel_distance(x, [[2, 0], [0, 2], [0, 0]]) == pytest.approx(-4.638889, abs=1e-6)
    assert kernel_distance(x, x) == pytest.approx(-1.555556, abs=1e-6)


def test_kernel_distance_in_blocks_is_that_of_the_whole_matrix(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((2500, 6)), rng.standard_normal((1100, 6)) + 0.5

    def kernel(a: Any, b: Any) -> Any:
        return (a @ b.T / 6 + 1) ** 3

    def off_diagonal_mean(k: Any) -> Any:
        return (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1))

    expected = off_diagonal_mean(kernel(x, x)) + off_diagonal_mean(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert kernel_distance(x, y) == pytest.approx(expected)


@pytest.mark.slow
def test_kernel_distance_of_two_halves_is_within_two_of_its_deviations_of_zero(rng: np.random.Generator) -> None:
    samples = rng.standard_normal((4000, 64))
    mean, deviation = kernel_distance_subsets(samples[:2000], samples[2000:])
    assert abs(mean) < 2 * deviation
    moved, moved_deviation = kernel_distance_subsets(samples[:2000], samples[2000:] + 0.5)
    assert moved > 10 * moved_deviation


def test_an_image_and_what_is_made_of_it_are_never_in_one_pair_of_subsets(rng: np.random.Generator) -> None:
    """Otherwise a copy of every sample would be nearer than another sample of the same distribution."""
    samples = rng.standard_normal((300, 64)) * 3
    careless, _ = kernel_distance_subsets(samples, samples)
    paired, deviation = kernel_distance_subsets(samples, samples, paired=True)
    assert abs(paired) < deviation < -careless


def test_a_classifier_learns_from_one_set_and_is_tested_on_another(rng: np.random.Generator) -> None:
    labels, others = rng.integers(0, 3, 300), rng.integers(0, 3, 200)
    centres = rng.standard_normal((3, 8)) * 3
    train, test = (centres[found] + rng.standard_normal((len(found), 8)) for found in (labels, others))
    right = named_rightly(train, labels, test, others)
    assert right.shape == (200,)
    assert right.mean() > 0.9
    assert named_rightly(train, (labels + 1) % 3, test, others).mean() < 0.1


def test_kernel_distance_does_not_depend_on_the_number_of_samples(rng: np.random.Generator) -> None:
    means = [
        kernel_distance_subsets(rng.standard_normal((n, 16)), rng.standard_normal((n, 16)) + 0.3)[0]
        for n in (200, 4000)
    ]
    assert means[0] == pytest.approx(means[1], rel=0.35)


@pytest.mark.slow
def test_prdc_of_two_samples_of_one_distribution() -> None:
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((10_000, 1000), dtype=np.float32) for _ in range(2))
    numbers = prdc(real, fake, k=5)
    assert list(numbers) == ["precision", "recall", "density", "coverage"]
    expected = {"precision": 0.4772, "recall": 0.4705, "density": 1.0555, "coverage": 0.9735}
    assert numbers == pytest.approx(expected, abs=0.02)


def test_prdc_tells_quality_from_variety(rng: np.random.Generator) -> None:
    wide, tight = rng.standard_normal((1000, 4)), rng.standard_normal((1000, 4)) * 0.2
    numbers = prdc(wide, tight, k=5)
    assert numbers["precision"] > 0.8
    assert numbers["recall"] < 0.3
    swapped = prdc(tight, wide, k=5)
    assert swapped["precision"] < 0.3
    assert swapped["recall"] > 0.8


def test_prdc_of_a_generator_that_repeats_one_real_image(rng: np.random.Generator) -> None:
    real = rng.standard_normal((500, 8))
    numbers = prdc(real, np.repeat(real[:1], 500, axis=0), k=5)
    assert numbers["precision"] == 1
    assert numbers["recall"] < 0.01
    assert numbers["coverage"] < 0.1


def test_prdc_of_small_sets_by_hand() -> None:
    """On a line, k = 1: real 0, 1, 10 (radii 1, 1, 9), fake 0.5, 2.5, 30 (radii 2, 2, 27.5)."""
    numbers = prdc([[0.0], [1.0], [10.0]], [[0.5], [2.5], [30.0]], k=1)
    # 0.5 lies in the balls of 0 and 1, 2.5 in that of 10, 30 in none; real 10 is only within 30's reach.
    assert numbers == pytest.approx({"precision": 2 / 3, "recall": 1, "density": 1, "coverage": 1})


def test_prdc_needs_more_samples_than_neighbours(rng: np.random.Generator) -> None:
    with pytest.raises(EvaluationError, match="at least 6"):
        prdc(rng.standard_normal((5, 2)), rng.standard_normal((50, 2)), k=5)


@pytest.mark.parametrize(
    "distance", [kernel_distance, kernel_distance_subsets, lambda x, y: prdc(x, y, 5), two_sample_accuracy]
)
def test_features_that_are_not_numbers_are_refused_in_one_sentence(
    distance: Callable[[ArrayLike, ArrayLike], object], rng: np.random.Generator
) -> None:
    good = rng.standard_normal((50, 4))
    bad = good.copy()
    bad[[3, 8], 1] = np.nan
    with pytest.raises(
        EvaluationError, match=r"^2 of 50 generated features contain NaN or infinity: check the extractor.$"
    ):
        distance(good, bad)


def test_planted_copies_are_found_and_fresh_samples_are_not(rng: np.random.Generator) -> None:
    training, held_out, fresh = (rng.standard_normal((800, 6)).astype(np.float32) for _ in range(3))
    real = nearest_distances(held_out, training)
    copies = np.concatenate([fresh[:400], training[:400] + 1e-4])
    assert share_below(nearest_distances(copies, training), real, 1) == pytest.approx(0.5, abs=0.03)
    assert share_below(nearest_distances(fresh, training), real, 1) < 0.03


def test_near_duplicates_of_varied_repeating_and_mixed_generators(rng: np.random.Generator) -> None:
    clusters = np.repeat([0, 1, 2], 200)

    def sample() -> Any:
        return rng.standard_normal((600, 5)) * (1 + clusters[:, None]) + 20 * clusters[:, None]

    real, varied = sample(), sample()
    repeating = varied[np.repeat([0, 200, 400], 200)]
    half = np.where((np.arange(600) % 2 == 0)[:, None], repeating, varied)
    assert near_duplicates(varied, clusters, real, clusters) == pytest.approx(0.01, abs=0.006)
    assert near_duplicates(repeating, clusters, real, clusters) == 1
    assert near_duplicates(half, clusters, real, clusters) == pytest.approx(0.25, abs=0.03)


def test_near_duplicates_needs_a_cluster_with_enough_images(rng: np.random.Generator) -> None:
    features = rng.standard_normal((19, 3))
    one = np.zeros(19, dtype=int)
    assert near_duplicates(features, one, features, one) is None


def test_classifier_is_at_chance_on_one_distribution_and_right_on_two(rng: np.random.Generator) -> None:
    real, fake = rng.standard_normal((1500, 20)), rng.standard_normal((4000, 20))
    assert two_sample_accuracy(real, fake) == pytest.approx(0.5, abs=0.04)
    assert two_sample_accuracy(real, fake + 0.6) > 0.85
