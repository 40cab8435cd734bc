"""Walks on the sphere of latents: from a seed along a path, and between any two of them."""

import math

import numpy as np
import pytest

from galaxies.ml.bundle.latents import MAX_STEPS, between, normals, normals_of, path_to, walk

LONG = tuple((seed, 0.3) for seed in range(MAX_STEPS))


def length(latent: dict[int, float]) -> float:
    return math.sqrt(sum(share * share for share in latent.values()))


def test_without_steps_a_walk_stays_at_its_seed() -> None:
    np.testing.assert_array_equal(normals_of(walk(42, ()), 50), normals(42, 50))


def test_a_step_turns_from_one_latent_to_the_other() -> None:
    for weight in (0.0, 0.25, 1.0):
        angle = weight * math.pi / 2
        expected = math.cos(angle) * normals(1, 50) + math.sin(angle) * normals(2, 50)
        np.testing.assert_allclose(normals_of(walk(1, ((2, weight),)), 50), expected, atol=1e-6)


def test_however_long_it_is_the_latent_stays_as_long_as_a_normal_one() -> None:
    latent = walk(99, LONG)
    assert length(dict(latent)) == pytest.approx(1)
    assert normals_of(latent, 20_000).std() == pytest.approx(1, abs=0.02)


def test_a_step_back_to_its_own_seed_goes_nowhere() -> None:
    assert walk(7, ((7, 0.5),)) == {7: 1.0}


@pytest.mark.parametrize("path", [(), ((5, 0.4),), ((5, 0.4), (6, 0.7), (5, 0.2)), LONG])
def test_a_path_of_a_step_for_each_seed_leads_to_any_latent(path: tuple[tuple[int, float], ...]) -> None:
    latent = walk(99, path)
    seed, found = path_to(latent)
    again = walk(seed, found)
    assert seed == 99
    for each in latent:
        assert again.get(each, 0) == pytest.approx(latent[each], abs=1e-5)


def test_between_a_galaxy_and_its_variation_the_arc_is_short() -> None:
    start, end = walk(1, ()), walk(1, ((2, 0.25),))
    middle = between(start, end, 0.5)
    assert dict(middle) == pytest.approx(dict(walk(1, ((2, 0.125),))))
    assert dict(between(start, end, 0)) == pytest.approx({1: 1.0, 2: 0.0})
    assert dict(between(start, end, 1)) == pytest.approx(dict(end))
