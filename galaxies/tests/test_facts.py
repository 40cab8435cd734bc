import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client

from galaxies import facts, generation
from galaxies.jobs import Image
from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation.of_bundle import write_metrics
from galaxies.models import Galaxy, ModelVersion
from galaxies.recipe import Recipe
from galaxies.serving import Service

HTMX = {"HX-Request": "true"}


class StandIn:
    """Stands in for the generator, whose galaxies are not good enough for statmorph; encodes with the real model."""

    def __init__(self, service: Service) -> None:
        self.features = service.features
        self.image: Image = draw(4, 32, seed=11)[0][3]
        self.sampled = 0

    def sample(self, recipe: Recipe) -> Image:
        self.sampled += 1
        return self.image


@pytest.fixture(autouse=True)
def nothing_kept(db: None) -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def galaxy(generator: Service, version: ModelVersion) -> Galaxy:
    return generation.generate(version, cluster=1, seed=42, psi=0.8)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, loaded: Service) -> StandIn:
    stand_in = StandIn(loaded)
    monkeypatch.setattr("galaxies.facts.service", lambda: stand_in)
    return stand_in


def read(client: Client, galaxy: Galaxy) -> str:
    response = client.get(f"/g/{galaxy.public_id}/facts", headers=HTMX)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.mark.slow
def test_it_works(client: Client, galaxy: Galaxy, measured: ModelVersion) -> None:
    response = client.get(f"/g/{galaxy.public_id}/facts", headers=HTMX)
    page = response.content.decode()
    assert "<html" not in page
    assert "HX-Request" in response["Vary"]
    assert "Beside real galaxies" in page
    assert "FID" not in page


def test_the_card_asks_for_it_and_has_a_link_without_javascript(
    client: Client, galaxy: Galaxy, measured: ModelVersion
) -> None:
    path = f"/g/{galaxy.public_id}/facts"
    card = client.get(galaxy.get_absolute_url()).content.decode()
    assert f'hx-get="{path}"' in card
    assert 'hx-trigger="load' in card
    assert f'<a href="{path}">How does it compare with real galaxies?</a>' in card
    page = client.get(path).content.decode()
    assert "<html" in page
    assert "Beside real galaxies" in page


def test_each_measure_is_a_dot_on_what_real_galaxies_have(
    client: Client, galaxy: Galaxy, stand_in: StandIn, version: ModelVersion, metrics: dict[str, Any]
) -> None:
    real = metrics["distributions"]["held_out"]
    real["blue_red"] = [-9.0, -9.0, -9.0, 9.0]
    write_metrics(version.path, metrics)
    response = client.get(f"/g/{galaxy.public_id}/facts", headers=HTMX)
    page = response.content.decode()
    assert "It is redder than 75% of real galaxies." in page
    assert len(re.findall(r'<circle class="value"', page)) == 3
    assert len(re.findall(r'<polygon class="real"', page)) == 3


@pytest.mark.parametrize(
    ("lowest", "highest", "sentence"),
    [
        (1e6, 2e6, "nearer to a training image than 99% of real galaxies"),
        (0.0, 1e-9, "farther from every training image than 99% of real galaxies"),
    ],
)
def test_the_distance_to_the_nearest_training_image_is_a_percentile(
    client: Client,
    galaxy: Galaxy,
    stand_in: StandIn,
    version: ModelVersion,
    metrics: dict[str, Any],
    lowest: float,
    highest: float,
    sentence: str,
) -> None:
    metrics["same_images"] = True
    metrics["memorisation"]["nearest_held_out"] = np.linspace(lowest, highest, 101).tolist()
    write_metrics(version.path, metrics)
    assert sentence in read(client, galaxy)


def test_the_distance_is_that_to_the_training_images_alone(
    galaxy: Galaxy, stand_in: StandIn, measured: ModelVersion
) -> None:
    bundle = load_bundle(measured.path)
    training = bundle.real.features[~bundle.real.held_out]
    away = training - bundle.features(stand_in.image[None])
    expected = np.linalg.norm(away / training.std(axis=0), axis=1).min()
    assert facts._measure(galaxy)[0] == pytest.approx(float(expected), rel=1e-3)


def test_measured_on_other_images_there_is_no_distance_to_compare(
    client: Client, galaxy: Galaxy, stand_in: StandIn, measured: ModelVersion, metrics: dict[str, Any]
) -> None:
    assert metrics["same_images"] is False
    page = read(client, galaxy)
    assert "Nearest real galaxy" not in page
    assert "Gathering of light" in page


def test_a_shape_that_cannot_be_measured_is_admitted(
    client: Client, galaxy: Galaxy, stand_in: StandIn, measured: ModelVersion
) -> None:
    stand_in.image = np.zeros((32, 32, 3), np.uint8)
    page = read(client, galaxy)
    assert "Its shape could not be measured" in page
    assert "Gathering of light" not in page


def test_without_numbers_there_is_nothing_to_compare_with(
    client: Client, galaxy: Galaxy, stand_in: StandIn, version: ModelVersion
) -> None:
    assert "There is nothing to compare it with yet" in read(client, galaxy)
    assert not stand_in.sampled


def test_a_galaxy_is_measured_once(client: Client, galaxy: Galaxy, stand_in: StandIn, measured: ModelVersion) -> None:
    assert read(client, galaxy) == read(client, galaxy)
    assert stand_in.sampled == 1


def test_one_at_a_time_and_whoever_comes_too_early_asks_again(
    client: Client, galaxy: Galaxy, measured: ModelVersion
) -> None:
    with facts._measuring:
        fragment = client.get(f"/g/{galaxy.public_id}/facts", headers=HTMX)
        page = client.get(f"/g/{galaxy.public_id}/facts")
    assert fragment.status_code == 200
    assert 'hx-trigger="load delay:2s"' in fragment.content.decode()
    assert page.status_code == 503
    assert page["Retry-After"] == "2"
    assert "Beside real galaxies" in read(client, galaxy)


@pytest.mark.parametrize("path", ["/g/aaaaaaaaaaa/facts", "/g/short/facts"])
def test_no_such_galaxy(client: Client, version: ModelVersion, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_model_thread_answers_samples_and_features_side_by_side(loaded: Service) -> None:
    name = loaded.version
    assert name
    images = draw(8, 32, seed=3)[0]
    recipes = [Recipe(name, seed % 2, seed, 0.8) for seed in range(8)]
    sampled, seen = [loaded.sample(each) for each in recipes], [loaded.features(name, image) for image in images]
    with ThreadPoolExecutor(16) as pool:
        features = [pool.submit(loaded.features, name, image) for image in images]
        samples = [pool.submit(loaded.sample, recipe) for recipe in recipes]
        for future, expected in zip(features, seen, strict=True):
            np.testing.assert_allclose(future.result(), expected, atol=1e-3)
        for sample, alone in zip(samples, sampled, strict=True):
            assert abs(sample.result().astype(int) - alone.astype(int)).max() <= 1
