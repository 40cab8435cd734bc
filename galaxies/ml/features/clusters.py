"""K-Means over latent features: the families a visitor can ask for.

    clusters = fit(features, k=None)              # k chosen in 6..12
    labels = clusters.assign(features)            # (N,) int
    clusters.distances(features)                  # (N, k)

No k is the true one, galaxies are a continuum: the criteria only rank the cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from galaxies.ml.arrays import Floats, Labels
from galaxies.ml.loop import TrainingError


class ClusterError(TrainingError):
    """No acceptable cut was found; the message says why."""


@dataclass(frozen=True)
class ClusterSettings:
    """How families are cut. k_range: first and last k tried; seeds: fits of each, whose agreement is stability.

    A centroid of less than smallest_share of the data is left out and the cut made again, at most outlier_rounds times.
    """

    k_range: tuple[int, int] = (6, 12)
    smallest_share: float = 0.02
    seeds: int = 4
    n_init: int = 3
    outlier_rounds: int = 4
    dimensions: int = 16
    silhouette_sample: int = 3000


@dataclass(frozen=True)
class Choice:
    """How one k did. silhouette and stability: higher is better; davies_bouldin: lower is better."""

    k: int
    silhouette: float
    davies_bouldin: float
    stability: float
    smallest_share: float


@dataclass(frozen=True)
class Clusters:
    """Features are scaled to length 1, centred on `mean` (d,) and projected on `axes` (d', d); centroids: (k, d')."""

    centroids: Floats
    mean: Floats
    axes: Floats
    choices: tuple[Choice, ...] = ()

    def project(self, features: Floats) -> Floats:
        """Return features (N, d) as (N, d'), where distances to the centroids are taken."""
        return np.asarray((_unit(features) - self.mean) @ self.axes.T)

    def assign(self, features: Floats) -> Labels:
        """Return the ids (N,) of the centroids nearest to features (N, d)."""
        return np.asarray(self.distances(features).argmin(axis=1), np.int64)

    def distances(self, features: Floats) -> Floats:
        """Return Euclidean distances (N, k) of features (N, d) to the centroids."""
        return np.asarray(np.linalg.norm(self.project(features)[:, None] - self.centroids[None], axis=2))

    def reordered(self, order: Sequence[int]) -> Clusters:
        """Return the same cut with cluster order[i] called i."""
        return Clusters(self.centroids[list(order)], self.mean, self.axes, self.choices)


def _unit(features: Floats) -> Floats:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9))


def fit(
    features: Floats,
    k: int | None = None,
    seed: int = 0,
    settings: ClusterSettings = ClusterSettings(),
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Clusters:
    """Cut features (N, d) into families, the largest first.

    k: None lets silhouette, Davies-Bouldin index and stability over seeds choose by the sum of their ranks.
    progress: called with the number of values of k tried and of all of them, before each.
    Raises: ClusterError if every k leaves a cluster below settings.smallest_share of the data.
    """
    unit = _unit(features)
    pca = PCA(min(settings.dimensions, *unit.shape), random_state=seed).fit(unit)
    points = pca.transform(unit)
    first, last = settings.k_range
    candidates = [k] if k else [k for k in range(first, last + 1) if k * 10 <= len(points)]
    fits: list[list[KMeans]] = []
    for k in candidates:
        progress(len(fits), len(candidates))
        fits.append([_fit_without_outliers(points, k, seed + i, settings) for i in range(settings.seeds)])
    choices = [_measure(points, models, k, settings) for models, k in zip(fits, candidates, strict=True)]
    good = [i for i, choice in enumerate(choices) if choice.smallest_share >= settings.smallest_share]
    if not good:
        raise ClusterError(
            f"Every cut into {candidates[0]} to {candidates[-1]} clusters leaves one below "
            f"{settings.smallest_share:.0%} of the images: use more images or a smaller k."
        )
    best = min(good, key=lambda i: _ranks([choices[j] for j in good])[good.index(i)])
    model = min(fits[best], key=lambda fitted: fitted.inertia_)
    order = np.argsort(-np.bincount(model.predict(points), minlength=model.n_clusters), kind="stable")
    return Clusters(model.cluster_centers_[order], pca.mean_, pca.components_, tuple(choices))


def _fit_without_outliers(points: Floats, k: int, seed: int, settings: ClusterSettings) -> KMeans:
    """Return K-Means that gives no centroid to a handful of outliers: they are left out and the cut made again."""
    kept = points
    for _ in range(settings.outlier_rounds):
        model = KMeans(k, n_init=settings.n_init, random_state=seed).fit(kept)
        small = np.bincount(model.labels_, minlength=k) < settings.smallest_share * len(points)
        if not small.any():
            break
        kept = kept[~small[model.labels_]]
    return model


def _measure(points: Floats, models: list[KMeans], k: int, settings: ClusterSettings) -> Choice:
    labels = [model.predict(points) for model in sorted(models, key=lambda model: model.inertia_)]
    sample = min(settings.silhouette_sample, len(points))
    return Choice(
        k,
        float(silhouette_score(points, labels[0], sample_size=sample, random_state=0)),
        float(davies_bouldin_score(points, labels[0])),
        float(np.mean([adjusted_rand_score(labels[0], other) for other in labels[1:]])),
        float(np.bincount(labels[0], minlength=k).min() / len(points)),
    )


def _ranks(choices: Sequence[Choice]) -> Floats:
    columns = np.array([[-c.silhouette, c.davies_bouldin, -c.stability] for c in choices])
    return np.asarray(rankdata(columns, axis=0).sum(axis=1))


def match_ids(old: Labels, new: Labels, n_new: int) -> list[int]:
    """Return an order for `Clusters.reordered` that keeps the old ids: Hungarian matching by shared images.

    old, new: (N,) ids that two cuts give to the same images. Clusters without a partner come last.
    """
    n_old = int(old.max()) + 1
    shared = np.zeros((n_old, n_new), np.int64)
    np.add.at(shared, (old, new), 1)
    rows, columns = linear_sum_assignment(-shared)
    order = [int(column) for _, column in sorted(zip(rows, columns, strict=True))]
    return order + [i for i in range(n_new) if i not in order]
