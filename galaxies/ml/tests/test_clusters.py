import numpy as np
import pytest

from galaxies.ml.data import synthetic
from galaxies.ml.features.clusters import ClusterError, fit, match_ids
from galaxies.ml.features.family_names import describe, shapes


def blobs(sizes: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around well separated directions."""
    random = np.random.default_rng(seed)
    centres = np.eye(len(sizes), 20) * 5
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return centres[labels] + random.normal(0, 0.2, (len(labels), 20)), labels


def test_it_finds_the_planted_clusters_and_their_number() -> None:
    points, truth = blobs([120, 110, 100, 90, 80, 70, 60])
    clusters = fit(points)
    assert len(clusters.centroids) == 7
    assert np.array_equal(clusters.assign(points), truth)  # ids in order of size


def test_every_k_is_judged() -> None:
    points, _ = blobs([60] * 8)
    choices = fit(points).choices
    assert [choice.k for choice in choices] == list(range(6, 13))
    best = max(choices, key=lambda choice: choice.silhouette)
    assert best.k == 8
    assert best.stability > 0.99


def test_a_handful_of_outliers_gets_no_family() -> None:
    points, _ = blobs([100] * 6 + [5])
    clusters = fit(points, k=6)
    assert np.bincount(clusters.assign(points), minlength=6).min() >= 100


def test_a_cut_into_slivers_is_refused() -> None:
    points, _ = blobs([200, 200, 3, 3, 3, 3])
    with pytest.raises(ClusterError, match="below 2%"):
        fit(np.repeat(points[::70], 40, axis=0), k=12)


def test_ids_stay_when_the_same_galaxies_are_cut_again() -> None:
    random = np.random.default_rng(1)
    old = random.integers(0, 6, 500)
    shuffled = np.array([3, 5, 0, 1, 4, 2])
    new = shuffled[old]
    new[:40] = random.integers(0, 7, 40)  # a few moved, and a seventh cluster
    order = match_ids(old, new, 7)
    assert order[:6] == shuffled.tolist()
    assert sorted(order) == list(range(7))


def test_reordering_renames_clusters() -> None:
    points, truth = blobs([90, 80, 70, 60, 50, 40])
    order = [5, 4, 3, 2, 1, 0]
    renamed = fit(points, k=6).reordered(order).assign(points)
    assert np.array_equal(np.array(order)[renamed], truth)


def test_shapes_tell_round_from_edge_on_and_blue_from_golden() -> None:
    images, kinds = synthetic.draw(80, 64, seed=3)
    measured, kinds_ = shapes(images), np.array(kinds)
    mean = {kind: measured[kinds_ == kind].mean(axis=0) for kind in set(kinds)}
    assert mean["smooth_round"][4] < 0.2 < 0.45 < mean["edge_on"][4]
    assert mean["spiral"][0] / mean["spiral"][2] < mean["smooth_round"][0] / mean["smooth_round"][2]


def test_families_have_names_of_their_own_shares_and_class_counts() -> None:
    images, kinds = synthetic.draw(120, 64, seed=3)
    labels = np.array([synthetic.KINDS.index(kind) for kind in kinds])
    families = describe(images, labels, kinds)
    assert len({family.name for family in families}) == 4
    assert sum(family.share for family in families) == pytest.approx(1)
    assert families[2].classes == {"edge_on": 30}
    assert families[2].ellipticity > families[0].ellipticity
    assert all(family.sentence.endswith(".") for family in families)
