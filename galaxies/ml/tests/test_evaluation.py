"""Evaluation is tested on generators whose quality is known because they are made of drawn galaxies."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from galaxies.ml.arrays import Features, Images, Labels
from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation import EvaluationError, Model, RealSet, Settings, comparison, evaluate
from galaxies.ml.evaluation.comparison import Sides
from galaxies.ml.evaluation.extractors import Extractor, ExtractorUnavailable

SIDE = 32
CLUSTERS = 4
SETTINGS = Settings(samples=1000, kid_subsets=20, morphology_samples=2, workers=1, split="drawn")
Generate = Callable[[Labels, Labels], Images]


def shape_of(images: Images) -> Features:
    """Quantiles of the grey levels at three scales: what the eight symmetries do not change, in 48 numbers."""
    grey = images.mean(axis=3)
    scales = [gaussian_filter(grey, (0, sigma, sigma)).reshape(len(grey), -1) for sigma in (0, 1, 3)]
    quantiles = np.linspace(0, 100, 16)
    return np.concatenate([np.percentile(scale, quantiles, axis=1).T for scale in scales], axis=1).astype(np.float32)


class World:
    """Drawn galaxies: 600 train, 300 are held out, 2,000 more are what a perfect generator would make."""

    def __init__(self) -> None:
        images, _ = draw(2900, SIDE, seed=5)
        # KID's kernel is made for features of order 1.
        self.pca = PCA(12, whiten=True, random_state=0).fit(shape_of(images[:600]))
        self.encoder = Extractor(self.features, "encoder", "quantiles-1")
        self.kmeans = KMeans(CLUSTERS, n_init=3, random_state=0).fit(self.features(images[:600]))
        self.training, self.held_out = self.real(images[:600]), self.real(images[600:900])
        self.fresh = self.real(images[900:])

    def features(self, images: Images) -> Features:
        return np.asarray(self.pca.transform(shape_of(images)), dtype=np.float32)

    def assign(self, values: Features) -> Labels:
        return np.asarray(self.kmeans.predict(values))

    def real(self, images: Images) -> RealSet:
        values = self.features(images)
        return RealSet(images, self.assign(values), {"encoder": values})

    def drawing_from(self, pool: RealSet) -> Generate:
        """A generator that returns the pool's images of the cluster asked for, one per seed."""
        members = [np.flatnonzero(pool.clusters == cluster) for cluster in range(CLUSTERS)]

        def generate(clusters: Labels, seeds: Labels) -> Images:
            rows = [members[c][s % len(members[c])] for c, s in zip(clusters, seeds, strict=True)]
            return pool.images[rows]

        return generate

    def evaluate(self, generate: Generate, settings: Settings = SETTINGS, **more: Any) -> dict[str, Any]:
        return evaluate(Model(generate, self.encoder, self.assign), self.training, self.held_out, settings, **more)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def perfect(world: World) -> dict[str, Any]:
    return world.evaluate(world.drawing_from(world.fresh))


def every_entry(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    if "value" in numbers:
        return [numbers]
    return [entry for part in numbers.values() if isinstance(part, dict) for entry in every_entry(part)]


@pytest.mark.slow
def test_every_number_stands_between_floor_and_ceiling_and_says_how_it_was_made(perfect: dict[str, Any]) -> None:
    entries = every_entry(json.loads(json.dumps(perfect, allow_nan=False)))
    known = {"value", "floor", "ceiling", "better", "extractor", "extractor_version", "resize"}
    counted = {"n_real", "n_generated", "n_floor", "split", "seed"}
    assert len(entries) == 7 + 4 + CLUSTERS + 3 + 7 + 3
    for entry in entries:
        assert known | counted <= entry.keys()
        assert entry["split"] == "drawn"
    assert perfect["fid"]["n_real"] == 300
    assert perfect["fid"]["n_generated"] == 1000
    assert perfect["fid"]["n_floor"] == 600
    assert perfect["format"] == 2


def test_rulers_and_their_ratios_stand_beside_kid(perfect: dict[str, Any]) -> None:
    rulers = perfect["kid"]["rulers"]
    assert perfect["kid"]["floor"] < rulers["halved"]["value"] < rulers["quartered"]["value"]
    assert rulers["halved"]["ratio"] == perfect["kid"]["value"] / rulers["halved"]["value"]


def test_a_classifier_learns_families_from_what_is_generated_only_if_it_was_asked_for_rightly(world: World) -> None:
    def usefulness(requested: Labels) -> dict[str, Any]:
        real, training, fresh = (side.features["encoder"] for side in (world.held_out, world.training, world.fresh))
        sides = Sides(
            *(world.encoder, real, world.held_out.clusters, fresh, requested, training, world.training.clusters),
            collapsed=fresh,
        )
        return comparison.usefulness(sides)

    good, wrong = usefulness(world.fresh.clusters), usefulness((world.fresh.clusters + 1) % CLUSTERS)
    assert good["ceiling"] > 0.8 > good["floor"]
    assert good["value"] == pytest.approx(good["ceiling"], abs=0.05)
    assert wrong["value"] < 0.2
    assert set(good["per_cluster"]) == {"0", "1", "2", "3"}


def test_a_perfect_generator_is_near_every_floor(perfect: dict[str, Any]) -> None:
    """Bounds are two or more deviations over ten such worlds; with 300 held-out images KID's share of the way from
    floor to ceiling has a deviation of 5 % by itself, so it is held to the deviation of its subsets."""
    fid, kid = perfect["fid"], perfect["kid"]
    assert abs(fid["value"] - fid["floor"]) < 0.05 * (fid["ceiling"] - fid["floor"])
    assert abs(kid["value"] - kid["floor"]) < 2 * kid["std"] < kid["ceiling"]
    for name, within in {"precision": 0.1, "recall": 0.1, "density": 0.2, "coverage": 0.1}.items():
        assert perfect[name]["value"] == pytest.approx(perfect[name]["floor"], rel=within)
    assert perfect["recall"]["ceiling"] < 0.1 < 0.5 < perfect["recall"]["floor"]
    assert perfect["memorisation"]["value"] < 0.04
    assert perfect["memorisation"]["ceiling"] == 1
    assert perfect["two_sample"]["value"] < 0.55 < 0.65 < perfect["two_sample"]["ceiling"]
    assert perfect["near_duplicates"]["ceiling"] == 1
    assert perfect["near_duplicates"]["value"] < 0.04
    fidelity = perfect["cluster_fidelity"]
    assert fidelity["value"] == 1
    assert fidelity["ceiling"] > 0.99
    assert fidelity["floor"] < 0.6


@pytest.mark.slow
def test_a_collapsed_generator_is_near_the_ceilings(world: World) -> None:
    """It returns one fresh galaxy per cluster whatever the seed: good fidelity, no variety."""
    drawing = world.drawing_from(world.fresh)
    numbers = world.evaluate(lambda clusters, seeds: drawing(clusters, np.zeros_like(seeds)))
    assert numbers["recall"]["value"] < 0.1
    assert numbers["near_duplicates"]["value"] == 1
    assert numbers["two_sample"]["value"] > 0.65
    assert numbers["kid"]["value"] > 0.3 * numbers["kid"]["ceiling"]
    assert numbers["cluster_fidelity"]["value"] == 1


@pytest.mark.slow
def test_copies_of_training_images_are_found_though_all_else_looks_perfect(world: World) -> None:
    numbers = world.evaluate(world.drawing_from(world.training))
    assert numbers["memorisation"]["value"] == 1
    assert numbers["recall"]["value"] > 0.8 * numbers["recall"]["floor"]


@pytest.mark.slow
def test_a_generator_deaf_to_its_cluster_has_the_fidelity_of_chance(world: World) -> None:
    drawing = world.drawing_from(world.fresh)
    shuffle = np.random.default_rng(1).permutation
    numbers = world.evaluate(lambda clusters, seeds: drawing(shuffle(clusters), seeds))
    assert numbers["cluster_fidelity"]["value"] == pytest.approx(numbers["cluster_fidelity"]["floor"], abs=0.05)


@pytest.mark.slow
def test_blurred_galaxies_are_told_from_real_ones(world: World, perfect: dict[str, Any]) -> None:
    drawing = world.drawing_from(world.fresh)
    numbers = world.evaluate(lambda c, s: gaussian_filter(drawing(c, s), (0, 1, 1, 0)))
    assert numbers["two_sample"]["value"] > 0.95
    assert numbers["kid"]["value"] > perfect["kid"]["value"] + 5 * perfect["kid"]["std"]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_progress_reaches_the_end_of_every_stage(
    world: World, perfect: dict[str, Any]
) -> None:
    seen: dict[str, tuple[int, int]] = {}
    again = world.evaluate(world.drawing_from(world.fresh), report=lambda stage, *state: seen.update({stage: state}))
    assert {**again, "conditions": None} == {**perfect, "conditions": None}
    assert seen.keys() >= {"generated samples", "encoder rulers", "encoder distances", "morphology"}
    assert all(done == total for done, total in seen.values())


def test_below_a_thousand_samples_fid_gives_a_reason_and_kid_a_value(world: World) -> None:
    numbers = world.evaluate(world.drawing_from(world.fresh), replace(SETTINGS, samples=300))
    assert numbers["fid"]["value"] is None
    assert numbers["fid"]["reason"] == "FID needs at least 1,000 generated samples, and there are 300: read KID."
    assert abs(numbers["kid"]["value"]) < 2 * numbers["kid"]["std"] < numbers["kid"]["ceiling"]


@pytest.mark.slow
def test_another_extractor_leads_and_the_encoder_stands_beside_it(world: World) -> None:
    colours = Extractor(lambda images: images.mean(axis=(1, 2), dtype=np.float32), "colours", "1", resize="none")
    numbers = world.evaluate(world.drawing_from(world.fresh), extractor=colours)
    assert numbers["fid"]["extractor"] == numbers["recall"]["extractor"] == "colours"
    assert numbers["other_extractors"]["encoder"]["fid"]["extractor"] == "encoder"
    assert numbers["two_sample"]["extractor"] == numbers["usefulness"]["extractor"] == "colours"
    assert numbers["other_extractors"]["encoder"]["two_sample"]["extractor"] == "encoder"
    assert set(numbers["other_extractors"]["encoder"]["kid"]["rulers"]) == {"halved", "quartered"}
    assert numbers["memorisation"]["extractor"] == "encoder"
    assert set(numbers["conditions"]["extractors"]) == {"colours", "encoder", "spectra"}


def test_an_extractor_that_needs_larger_images_refuses_them(world: World) -> None:
    large = Extractor(lambda images: images.mean(axis=(1, 2), dtype=np.float32), "large", "1", least=64)
    with pytest.raises(ExtractorUnavailable, match="large needs images of at least 64 px, and these have 32 px"):
        world.evaluate(world.drawing_from(world.fresh), extractor=large)


def test_what_cannot_be_evaluated_is_refused_in_one_sentence(world: World) -> None:
    drawing = world.drawing_from(world.fresh)
    model = Model(drawing, world.encoder, world.assign)
    held_out = world.held_out
    few = RealSet(held_out.images[:150], held_out.clusters[:150])
    nan = np.where(np.arange(300)[:, None] == 7, np.nan, held_out.features["encoder"])
    other = held_out.features["encoder"][:, ::-1].copy()
    cases: list[tuple[str, Model, RealSet, Settings]] = [
        ("There are 150 held-out images, and at least 200 are needed", model, few, SETTINGS),
        ("1 of 300 held-out features contain NaN", model, replace(held_out, features={"encoder": nan}), SETTINGS),
        ("another encoder", model, replace(held_out, features={"encoder": other}), SETTINGS),
        ("90 samples are too few", model, held_out, replace(SETTINGS, samples=90)),
        ("rows of their clusters", model, replace(held_out, clusters=held_out.clusters[1:]), SETTINGS),
        (
            "The generator gave images of the shape",
            replace(model, generate=lambda c, s: drawing(c, s)[:, ::2, ::2]),
            held_out,
            SETTINGS,
        ),
    ]
    for message, judged, real, settings in cases:
        with pytest.raises(EvaluationError, match=message):
            evaluate(judged, world.training, real, settings)
