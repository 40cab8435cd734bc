"""What people like about a galaxy, from its features: a logistic regression, used only where it can tell.

taste = fit(standardised, likes, dislikes)          # taste.auc: 0.5 is chance
chances = expected_likes(features, taste.coefficients, taste.intercept)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Floats

FOLDS = 5
REPEATS = 5  # few votes cut into folds in another way give another number
# How much two votes for one galaxy have in common that its features do not tell (intraclass correlation).
ALIKE = 0.1


@dataclass(frozen=True)
class Taste:
    """coefficients (d,) and intercept of the log-odds of a like.

    auc: cross-validated, 0.5 is chance; chance: the standard deviation that it would have by chance.
    """

    coefficients: Floats
    intercept: float
    auc: float
    chance: float


def fit(features: Any, likes: Any, dislikes: Any) -> Taste:
    """Learn from features (N, d), standardised, and the numbers of likes and dislikes (N,) of each galaxy.

    At least FOLDS galaxies have a like, and at least FOLDS a dislike.

    Every vote is a sample, but votes for one galaxy are alike in all that its features do not tell: n of them say as
    much as n / (1 + (n - 1) ALIKE) for as many galaxies (Kish 1965, design effect) and weigh so much. Otherwise the few
    galaxies that everybody votes on would be the model, and its AUC.
    The penalty is that of a prior under which log-odds have a standard deviation of 1, so 200 votes cannot make
    hundreds of features say anything they like. Nothing is chosen by the AUC, which therefore is not flattered.
    """
    from threadpoolctl import threadpool_limits

    n = len(features)
    likes, dislikes = np.asarray(likes, float), np.asarray(dislikes, float)
    each = 1 / (1 + (likes + dislikes - 1) * ALIKE)
    weights = np.concatenate([likes * each, dislikes * each])
    rows = np.flatnonzero(weights)
    galaxy, liked, weights = rows % n, rows < n, weights[rows]
    x = np.asarray(features, float)[galaxy]
    with threadpool_limits(1, "blas"):  # products this small spend their time waiting for each other
        model = _regression(x.shape[1]).fit(x, liked, weights)
        aucs = [_auc(x, liked, weights, _folds(likes, dislikes, seed)[galaxy]) for seed in range(REPEATS)]
    return Taste(model.coef_[0], float(model.intercept_[0]), float(np.mean(aucs)), _chance(weights, liked))


def _auc(x: Floats, liked: Any, weights: Floats, folds: Any) -> float:
    """Return the chance that a liked galaxy scores above a disliked one, each scored by a model that never saw it."""
    from sklearn.metrics import roc_auc_score

    scores = np.empty(len(x))
    for fold in range(FOLDS):
        test = folds == fold
        model = _regression(x.shape[1]).fit(x[~test], liked[~test], weights[~test])
        scores[test] = model.decision_function(x[test])
    return float(roc_auc_score(liked, scores, sample_weight=weights))


def _folds(likes: Floats, dislikes: Floats, seed: int) -> npt.NDArray[np.int64]:
    """Return a fold (N,) for each galaxy: those with likes alone are dealt out first, those with dislikes alone last.

    So all votes of a galaxy are on one side, and both kinds of vote in every fold. (StratifiedGroupKFold does the same,
    and takes minutes for tens of thousands of groups.)
    """
    shuffled = np.random.default_rng(seed).permutation(len(likes))
    kind = np.sign(dislikes) - np.sign(likes)
    dealt = shuffled[np.argsort(kind[shuffled], kind="stable")]
    folds = np.empty(len(likes), np.int64)
    folds[dealt] = np.arange(len(likes)) % FOLDS
    return folds


def _chance(weights: Floats, liked: Any) -> float:
    """Return the standard deviation of an AUC by chance (Mann & Whitney 1947), from the effective number of votes."""
    likes, dislikes = (weights[which].sum() ** 2 / (weights[which] ** 2).sum() for which in (liked, ~liked))
    return float(np.sqrt((likes + dislikes + 1) / (12 * likes * dislikes)))


def _regression(n_features: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1 / n_features, solver="newton-cholesky", max_iter=100)


def expected_likes(features: Any, coefficients: Any, intercept: float) -> Floats:
    """Return the probability (N,) that a vote for each of the galaxies with features (N, d) is a like."""
    from scipy.special import expit

    return np.asarray(expit(np.asarray(features, float) @ np.asarray(coefficients, float) + intercept))
