import numpy as np
import pytest

from galaxies.ml.preference import FOLDS, _folds, expected_likes, fit


def votes(n: int, width: int, strength: float, per_galaxy: int = 1, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Features (n, width) of which the first decides, likes (n,), dislikes (n,)."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, width)).astype(np.float32)
    likes = random.binomial(per_galaxy, 1 / (1 + np.exp(-strength * features[:, 0])))
    return features, likes, per_galaxy - likes


def test_what_decides_is_found_and_judged() -> None:
    features, likes, dislikes = votes(1500, 30, strength=2.0)
    taste = fit(features, likes, dislikes)
    assert np.abs(taste.coefficients).argmax() == 0
    unseen, new_likes, _ = votes(3000, 30, strength=2.0, seed=9)
    chances = expected_likes(unseen, taste.coefficients, taste.intercept)
    liked = new_likes == 1
    auc = (chances[liked][:, None] > chances[~liked]).mean()
    assert taste.auc == pytest.approx(auc, abs=0.04)
    assert taste.auc > 0.75
    assert chances.mean() == pytest.approx(new_likes.mean(), abs=0.05)


def test_coin_flips_look_like_chance_and_say_how_much_chance_there_is() -> None:
    tastes = [fit(*votes(200, 64, strength=0.0, seed=seed)) for seed in range(12)]
    aucs = np.array([taste.auc for taste in tastes])
    assert abs(aucs.mean() - 0.5) < 0.05
    assert tastes[0].chance == pytest.approx(1 / np.sqrt(12 * 50), rel=0.1)  # 100 likes against 100 dislikes
    assert fit(*votes(2000, 64, strength=0.0)).chance == pytest.approx(tastes[0].chance / np.sqrt(10), rel=0.1)


def test_votes_that_only_tell_galaxies_apart_are_no_skill() -> None:
    """Everybody agrees about each galaxy, and nothing about it tells why: on both sides, it would look like skill."""
    random = np.random.default_rng(3)
    features = random.normal(size=(120, 100))
    liked = random.random(120) < 0.5
    assert fit(features, 30 * liked, 30 * ~liked).auc < 0.65


def test_the_galaxy_that_everybody_votes_on_is_not_the_model() -> None:
    features, likes, dislikes = votes(400, 10, strength=2.0)
    likes[0], dislikes[0], features[0] = 0, 100_000, [3] + [0] * 9
    assert fit(features, likes, dislikes).auc > 0.7


@pytest.mark.parametrize("seed", range(5))
def test_every_fold_has_likes_and_dislikes(seed: int) -> None:
    likes, dislikes = np.ones(300), np.zeros(300)
    dislikes[:FOLDS] = 1
    likes[: FOLDS - 2] = 0
    folds = _folds(likes, dislikes, seed)
    assert set(folds[dislikes > 0]) == set(folds[likes > 0]) == set(range(FOLDS))
    assert np.ptp(np.bincount(folds)) == 0
