"""Distances between two sets of feature vectors, and what each of them cannot see.

    frechet_distance(*moments(real), *moments(fake))      # FID: needs thousands of samples, falls as N grows
    kernel_distance(real, fake)                           # KID: unbiased at any N, may be negative
    prdc(real, fake, k=5)                                 # quality and variety apart

Everything here works on features of shape (N, d), whoever extracted them, and returns plain numbers.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg
from scipy.spatial.distance import pdist
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from galaxies.ml.arrays import Features, Labels

CHUNK_ROWS = 1024
# Pairs grow with the square: two thousand images of one cluster are two million pairs already.
MAX_PER_CLUSTER = 2000
MIN_PER_CLUSTER = 20
# Of a classifier of families: with a thousand features a weaker penalty only fits noise.
TRANSFER_C = 0.01


class EvaluationError(ValueError):
    """What was given cannot be evaluated; the message is one sentence for people."""


def as_features(values: ArrayLike, name: str, least: int = 2) -> Features:
    """Return `values` as an (N, d) float array.

    Raises: EvaluationError if it has another shape, fewer than `least` rows, or a value that is NaN or infinite.
    """
    features: Features = np.asarray(values)
    if not np.issubdtype(features.dtype, np.floating):
        features = features.astype(np.float64)
    if features.ndim != 2 or features.shape[1] == 0:
        raise EvaluationError(f"The {name} features must have the shape (N, d), not {features.shape}.")
    if len(features) < least:
        raise EvaluationError(f"There are {len(features)} {name} features, and at least {least} are needed.")
    bad = int((~np.isfinite(features)).any(axis=1).sum())
    if bad:
        raise EvaluationError(f"{bad} of {len(features)} {name} features contain NaN or infinity: check the extractor.")
    return features


def _pair(x: ArrayLike, y: ArrayLike, least: int = 2) -> tuple[Features, Features]:
    a, b = as_features(x, "real", least), as_features(y, "generated", least)
    if a.shape[1] != b.shape[1]:
        raise EvaluationError(f"Real features have {a.shape[1]} dimensions and generated ones {b.shape[1]}.")
    return a, b


def moments(features: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean (d,) and unbiased covariance (d, d) of features (N, d), in float64."""
    values = as_features(features, "given").astype(np.float64)
    return values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))


def _symmetric_root(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh((sigma + sigma.T) / 2)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def frechet_distance(mu1: ArrayLike, sigma1: ArrayLike, mu2: ArrayLike, sigma2: ArrayLike) -> float:
    """Return the squared Frechet distance between two normal distributions (Heusel et al. 2017, eq. 6).

    mu: (d,); sigma: (d, d), symmetric and positive semi-definite up to rounding.
    tr (S1 S2)^1/2 is taken as the sum of the singular values of S1^1/2 S2^1/2: real and non-negative whatever the
    rank, where `sqrtm(S1 S2)` turns complex once N < d.

    Raises: EvaluationError if shapes disagree or a moment is NaN or infinite.
    """
    m1, m2 = (np.atleast_1d(np.asarray(mu, dtype=np.float64)) for mu in (mu1, mu2))
    s1, s2 = (np.atleast_2d(np.asarray(sigma, dtype=np.float64)) for sigma in (sigma1, sigma2))
    if not (m1.ndim == 1 and m1.shape == m2.shape and s1.shape == s2.shape == (m1.size, m1.size)):
        raise EvaluationError(f"Moments disagree in shape: {m1.shape}, {s1.shape} against {m2.shape}, {s2.shape}.")
    if not all(np.isfinite(part).all() for part in (m1, s1, m2, s2)):
        raise EvaluationError("The moments contain NaN or infinity: check the features they were computed from.")
    # Eigensolvers meet at a barrier per column: beside any other busy process, two BLAS threads take 20 times as long.
    with threadpool_limits(1, "blas"):
        overlap = linalg.svdvals(_symmetric_root(s1) @ _symmetric_root(s2)).sum()
    return max(0.0, float(((m1 - m2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * overlap))


def _kernel_sum(x: Features, y: Features) -> float:
    total = 0.0
    for start in range(0, len(x), CHUNK_ROWS):
        base = x[start : start + CHUNK_ROWS] @ y.T
        base /= x.shape[1]
        base += 1
        # sklearn's polynomial_kernel raises to the power 3 by pow(), which takes 50 times as long.
        total += float((base * base * base).sum())
    return total


def _kernel_mean_of_pairs(x: Features) -> float:
    diagonal = (((x**2).sum(axis=1) / x.shape[1] + 1) ** 3).sum()
    return float((_kernel_sum(x, x) - diagonal) / (len(x) * (len(x) - 1)))


def kernel_distance(x: ArrayLike, y: ArrayLike) -> float:
    """Return the unbiased squared MMD with the kernel (x.y / d + 1)^3 (Binkowski et al. 2018, eq. 3).

    x: (M, d), y: (N, d). All of both is used. Around 0 where both follow one distribution, so it may be negative.
    """
    a, b = (features.astype(np.float64) for features in _pair(x, y))
    return _kernel_mean_of_pairs(a) + _kernel_mean_of_pairs(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def kernel_distance_subsets(
    x: ArrayLike, y: ArrayLike, subsets: int = 100, size: int = 1000, *, seed: int = 0, paired: bool = False
) -> tuple[float, float]:
    """Return mean and standard deviation of `kernel_distance` over random subsets of both sides.

    `size` is lowered to half of the smaller side, so that no two subsets are the same images. The deviation is that of
    one subset, not of the mean. paired: row i of both is made of one image; no subset of y then has what is in its
    subset of x, since an image is nearer to itself than to another of the same distribution.
    """
    a, b = (features.astype(np.float64) for features in _pair(x, y, least=4))
    size = min(size, len(a) // 2, len(b) // 2)
    rng = np.random.default_rng(seed)

    def draw() -> tuple[Features, Features]:
        if paired:
            rows = rng.permutation(len(a))
            return a[rows[:size]], b[rows[size : 2 * size]]
        return rng.choice(a, size, replace=False), rng.choice(b, size, replace=False)

    with threadpool_limits(1, "blas"):  # as above: products this small spend their time waiting for each other
        values = [kernel_distance(*draw()) for _ in range(subsets)]
    return float(np.mean(values)), float(np.std(values))


def _squared_distances(a: Features, b: Features) -> Iterator[tuple[slice, Features]]:
    """Yield a slice of rows of a (M, d) and their squared distances to all of b (N, d), in the precision of both."""
    norms_a, norms_b = (np.einsum("ij,ij->i", side, side) for side in (a, b))
    for start in range(0, len(a), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        block = a[rows] @ b.T
        block *= -2
        block += norms_a[rows, None]
        block += norms_b
        yield rows, block


def _squared_radii(features: Features, k: int) -> Features:
    # Every point finds itself first, hence one neighbour more.
    radii = np.empty(len(features), dtype=features.dtype)
    for rows, block in _squared_distances(features, features):
        block.partition(k, axis=1)
        radii[rows] = block[:, k]
    return radii


def prdc(real: ArrayLike, fake: ArrayLike, k: int = 5) -> dict[str, float]:
    """Return precision, recall, density and coverage (Naeem et al. 2020, section 3).

    real: (M, d), fake: (N, d). Distances are formed in blocks of 1,024 rows, so 10,000 x 10,000 takes 0.1 GB.
    All four depend on the sample sizes: compare only numbers taken at the same ones.

    Raises: EvaluationError if a side has no more than `k` samples.
    """
    a, b = _pair(real, fake, least=k + 1)
    # The expansion of (a - b)^2 cancels least around the origin.
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    real_radii, fake_radii = _squared_radii(a, k), _squared_radii(b, k)
    covering = np.zeros(len(b), dtype=np.int64)
    recalled = covered = 0
    for rows, distances in _squared_distances(a, b):
        covering += np.count_nonzero(distances < real_radii[rows, None], axis=0)
        recalled += int((distances < fake_radii).any(axis=1).sum())
        covered += int((distances.min(axis=1) < real_radii[rows]).sum())
    return {
        "precision": float((covering > 0).mean()),
        "recall": recalled / len(a),
        "density": float(covering.mean() / k),
        "coverage": covered / len(a),
    }


def nearest_distances(features: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """Return the Euclidean distance of every row of features (N, d) to its nearest row of reference (M, d): (N,)."""
    a, b = _pair(reference, features, least=1)
    distances: NDArray[np.float64] = pairwise_distances_argmin_min(b, a)[1]
    return distances


def share_below(distances: NDArray[np.floating[Any]], reference: NDArray[np.floating[Any]], percent: float) -> float:
    """Return the share of `distances` under the given percentile of `reference`."""
    return float((distances < np.percentile(reference, percent)).mean())


def _pair_distances(features: Features, clusters: Labels) -> dict[int, NDArray[np.float64]]:
    found = {}
    for cluster in np.unique(clusters):
        members = features[clusters == cluster][:MAX_PER_CLUSTER]
        if len(members) >= MIN_PER_CLUSTER:
            found[int(cluster)] = pdist(members)
    return found


def near_duplicates(
    features: ArrayLike, clusters: Labels, real: ArrayLike, real_clusters: Labels, *, percent: float = 1.0
) -> float | None:
    """Return the share of pairs within one cluster that are closer than `percent` % of its real pairs.

    features: (N, d) with clusters (N,); real: (M, d) with real_clusters (M,). A generator as varied as the real images
    gives percent / 100; one that repeats itself gives up to 1. Labels with fewer than 20 members on a side are left
    out; None if that leaves nothing.
    """
    a, b = _pair(real, features)
    real_pairs, pairs = _pair_distances(a, real_clusters), _pair_distances(b, clusters)
    shared = sorted(real_pairs.keys() & pairs.keys())
    total = sum(len(pairs[c]) for c in shared)
    alike = sum(int((pairs[c] < np.percentile(real_pairs[c], percent)).sum()) for c in shared)
    return alike / total if total else None


def two_sample_accuracy(real: ArrayLike, fake: ArrayLike, seed: int = 0) -> float:
    """Return how often a logistic regression tells real from fake, five-fold (Lopez-Paz & Oquab 2017).

    real: (M, d), fake: (N, d); the larger side is cut to the size of the smaller, so 0.5 is chance.
    """
    a, b = _pair(real, fake, least=10)
    size, rng = min(len(a), len(b)), np.random.default_rng(seed)
    features = np.concatenate([rng.permutation(a)[:size], rng.permutation(b)[:size]]).astype(np.float64)
    labels = np.repeat([0, 1], size)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    with threadpool_limits(1, "blas"):
        return float(cross_val_score(model, features, labels, cv=folds).mean())


def named_rightly(train: ArrayLike, train_labels: Labels, test: ArrayLike, test_labels: Labels) -> Labels:
    """Return which images of a set (M,) a logistic regression names rightly that was fitted to another set.

    train: (N, d) with labels (N,); test: (M, d) with labels (M,). Returns: (M,) bool.
    """
    a, b = _pair(train, test)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=TRANSFER_C, max_iter=2000))
    with threadpool_limits(1, "blas"):
        model.fit(a.astype(np.float64), train_labels)
        return np.asarray(model.predict(b.astype(np.float64)) == test_labels)
