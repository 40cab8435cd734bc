"""K-Means over latent features: the families a visitor can ask for.

    clusters = fit(features, k=None)              # k chosen in 6..12
    labels = clusters.assign(features)            # (N,) int
    families = describe(images, labels, classes)

No k is the true one, galaxies are a continuum: the criteria only rank the cuts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from galaxies.ml.dataset import Images
from galaxies.ml.loop import TrainingError

Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[Any]

K_RANGE = range(6, 13)
SMALLEST_SHARE = 0.02
SEEDS = 4
OUTLIER_ROUNDS = 4
DIMENSIONS = 16
SILHOUETTE_SAMPLE = 3000


class ClusterError(TrainingError):
    """No acceptable cut was found; the message says why."""


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
        """(N, d) features -> (N, d') where distances to the centroids are taken."""
        return np.asarray((_unit(features) - self.mean) @ self.axes.T)

    def assign(self, features: Floats) -> Labels:
        """(N, d) features -> (N,) id of the nearest centroid."""
        return np.asarray(self.distances(features).argmin(axis=1), np.int64)

    def distances(self, features: Floats) -> Floats:
        """(N, d) features -> (N, k) Euclidean distances to the centroids."""
        return np.asarray(np.linalg.norm(self.project(features)[:, None] - self.centroids[None], axis=2))

    def reordered(self, order: Sequence[int]) -> Clusters:
        """The same cut with cluster order[i] called i."""
        return Clusters(self.centroids[list(order)], self.mean, self.axes, self.choices)


def _unit(features: Floats) -> Floats:
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9))


def fit(
    features: Floats,
    k: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Clusters:
    """Cut (N, d) features into families, the largest first.

    k: None lets silhouette, Davies-Bouldin index and stability over seeds choose in 6..12, by the sum of their ranks.
    progress: called with the cuts done and all cuts, before each.
    Raises: ClusterError if every k leaves a cluster below 2% of the data.
    """
    unit = _unit(features)
    pca = PCA(min(DIMENSIONS, *unit.shape), random_state=seed).fit(unit)
    points = pca.transform(unit)
    candidates = [k] if k else [k for k in K_RANGE if k * 10 <= len(points)]
    fits: list[tuple[list[KMeans], int]] = []
    for k in candidates:
        progress(len(fits), len(candidates))
        fits.append((_cut(points, k, seed), k))
    choices = [_judge(points, runs, k) for runs, k in fits]
    good = [i for i, choice in enumerate(choices) if choice.smallest_share >= SMALLEST_SHARE]
    if not good:
        raise ClusterError(
            f"Every cut into {candidates[0]} to {candidates[-1]} clusters leaves one below {SMALLEST_SHARE:.0%} of the "
            "images: use more images or a smaller k."
        )
    best = min(good, key=lambda i: _ranks([choices[j] for j in good])[good.index(i)])
    model = min(fits[best][0], key=lambda run: run.inertia_)
    order = np.argsort(-np.bincount(model.predict(points), minlength=model.n_clusters), kind="stable")
    return Clusters(model.cluster_centers_[order], pca.mean_, pca.components_, tuple(choices))


def _cut(points: Floats, k: int, seed: int) -> list[KMeans]:
    """One fit for each of a few seeds."""
    return [_fit_without_outliers(points, k, seed + i) for i in range(SEEDS)]


def _fit_without_outliers(points: Floats, k: int, seed: int) -> KMeans:
    """K-Means that gives no centroid to a handful of outliers: they are left out and the cut made again."""
    kept = points
    for _ in range(OUTLIER_ROUNDS):
        model = KMeans(k, n_init=3, random_state=seed).fit(kept)
        small = np.bincount(model.labels_, minlength=k) < SMALLEST_SHARE * len(points)
        if not small.any():
            break
        kept = kept[~small[model.labels_]]
    return model


def _judge(points: Floats, runs: list[KMeans], k: int) -> Choice:
    labels = [run.predict(points) for run in sorted(runs, key=lambda run: run.inertia_)]
    return Choice(
        k,
        float(silhouette_score(points, labels[0], sample_size=min(SILHOUETTE_SAMPLE, len(points)), random_state=0)),
        float(davies_bouldin_score(points, labels[0])),
        float(np.mean([adjusted_rand_score(labels[0], other) for other in labels[1:]])),
        float(np.bincount(labels[0], minlength=k).min() / len(points)),
    )


def _ranks(choices: Sequence[Choice]) -> Floats:
    columns = np.array([[-c.silhouette, c.davies_bouldin, -c.stability] for c in choices])
    return np.asarray(rankdata(columns, axis=0).sum(axis=1))


def match_ids(old: Labels, new: Labels, n_new: int) -> list[int]:
    """An order for `Clusters.reordered` that keeps the old ids: Hungarian matching by shared images.

    old, new: (N,) ids that two cuts give to the same images. Clusters without a partner come last.
    """
    n_old = int(old.max()) + 1
    shared = np.zeros((n_old, n_new), np.int64)
    np.add.at(shared, (old, new), 1)
    rows, columns = linear_sum_assignment(-shared)
    order = [int(column) for _, column in sorted(zip(rows, columns, strict=True))]
    return order + [i for i in range(n_new) if i not in order]


@dataclass(frozen=True)
class Description:
    """What a cluster's real members are like: colours 0..255, radius as a share of the image's side."""

    id: int
    name: str
    sentence: str
    share: float
    red: float
    green: float
    blue: float
    radius: float
    ellipticity: float
    classes: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def shapes(images: Images) -> Floats:
    """(N, R, R, 3) uint8 -> (N, 5): red, green, blue inside the half-light radius, that radius / R, ellipticity.

    From light-weighted second moments under a round Gaussian window about the centre: 1 - axis ratio, so 0 is round.
    """
    side = images.shape[1]
    grid = (np.arange(side) - (side - 1) / 2) / side
    x, y = np.meshgrid(grid, grid)
    window = np.exp(-(x**2 + y**2) / (2 * 0.2**2))
    distance = np.hypot(x, y)
    result = np.empty((len(images), 5))
    for i, image in enumerate(images):
        light = image.astype(np.float64).mean(axis=2)
        light = np.maximum(light - np.median(light) - 4.0, 0) * window + 1e-9
        total = light.sum()
        xx, yy, xy = (float((light * m).sum() / total) for m in (x * x, y * y, x * y))
        root = np.sqrt((xx - yy) ** 2 / 4 + xy**2)
        major, minor = (xx + yy) / 2 + root, max((xx + yy) / 2 - root, 1e-9)
        order = np.argsort(distance, axis=None)
        half = distance.ravel()[order][np.searchsorted(np.cumsum(light.ravel()[order]), total / 2)]
        inside = image[distance <= max(half, 1 / side)].mean(axis=0)
        result[i] = (*inside, half, 1 - np.sqrt(minor / major))
    return result


def describe(images: Images, labels: Labels, classes: Sequence[str] = ()) -> list[Description]:
    """Name every cluster after its real members: (N, R, R, 3) uint8 images, (N,) ids, N class names or none."""
    measured = shapes(images)
    ids = range(int(labels.max()) + 1)
    rows = np.array([measured[labels == i].mean(axis=0) for i in ids])
    typical = float(rows[:, 3].mean())
    counts = []
    for i in ids:
        members = np.flatnonzero(labels == i).tolist() if classes else []
        counts.append(Counter(classes[j] for j in members if classes[j]))
    names = _names(rows, counts)
    described = []
    for i in ids:
        red, green, blue, radius, ellipticity = (round(float(v), 3) for v in rows[i])
        share = float((labels == i).mean())
        sentence = _sentence(rows[i], typical, counts[i])
        described.append(
            Description(
                i, names[i], sentence, share, red, green, blue, radius, ellipticity, dict(counts[i].most_common())
            )
        )
    return described


# What volunteers' class names say, and the word for a family in which they prevail.
CLASS_WORDS = (("edge", "edge-on discs"), ("cigar", "edge-on discs"), ("spiral", "spirals"), ("smooth", "ellipticals"),
               ("merging", "disturbed galaxies"), ("disturbed", "disturbed galaxies"))  # fmt: skip
PREVAILING = 0.5
FEWEST_LABELLED = 30


def _prevailing(classes: Counter[str]) -> str:
    """The word that most labelled members agree on, "" if there is none."""
    words: Counter[str] = Counter()
    for name, count in classes.items():
        words[next((word for key, word in CLASS_WORDS if key in name), "")] += count
    if classes.total() < FEWEST_LABELLED:
        return ""
    word, count = words.most_common(1)[0]
    return word if count >= PREVAILING * classes.total() else ""


def _shape_word(ellipticity: float) -> str:
    bounds = ((0.55, "needles"), (0.4, "ellipses"), (0.24, "ovals"))
    return next((word for bound, word in bounds if ellipticity > bound), "rounds")


def _noun(row: Floats, classes: Counter[str]) -> str:
    ellipticity = float(row[4])
    word = _prevailing(classes) or _shape_word(ellipticity)
    if word == "spirals":
        return "tilted spirals" if ellipticity > 0.24 else "face-on spirals"
    if word == "ellipticals":
        return "oval ellipticals" if ellipticity > 0.24 else "round ellipticals"
    return word


def _colour_word(row: Floats) -> str:
    warmth = row[0] / max(row[2], 1.0)
    return "Blue" if warmth < 1.12 else "Ivory" if warmth < 1.4 else "Golden" if warmth < 1.75 else "Amber"


def _names(rows: Floats, counts: Sequence[Counter[str]]) -> list[str]:
    names = [f"{_colour_word(row)} {_noun(row, classes)}" for row, classes in zip(rows, counts, strict=True)]
    for name in {n for n in names if names.count(n) > 1}:
        same = sorted((i for i, n in enumerate(names) if n == name), key=lambda i: float(rows[i][3]))
        sizes = ["Small", "Large"] if len(same) == 2 else ["Small", "Mid-size", "Large", "Huge"]
        for rank, i in enumerate(same):
            word = sizes[rank] if rank < len(sizes) else f"No. {rank + 1}"
            names[i] = f"{word} {name[0].lower()}{name[1:]}"
    return names


def _sentence(row: Floats, typical_radius: float, classes: Counter[str]) -> str:
    size = (
        "Compact"
        if row[3] < 0.94 * typical_radius
        else "Extended"
        if row[3] > 1.06 * typical_radius
        else "Middle-sized"
    )
    colour = {"Blue": "bluish", "Ivory": "pale", "Golden": "golden", "Amber": "deep amber"}[_colour_word(row)]
    shape = {
        "needles": "needle-thin",
        "ellipses": "clearly elongated",
        "ovals": "gently oval",
        "rounds": "nearly round",
    }[_shape_word(float(row[4]))]
    sentence = f"{size}, {colour} and {shape}."
    if classes.total() >= FEWEST_LABELLED:
        name, count = classes.most_common(1)[0]
        sentence += f" {count / classes.total():.0%} of its labelled members are called {name.replace('_', ' ')}."
    return sentence
