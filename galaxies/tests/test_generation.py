from collections import Counter
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from galaxies import generation, images
from galaxies.ml.bundle import normals
from galaxies.ml.bundle.latents import LatentLayout
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import registration
from galaxies.serving import Service
from galaxies.tests.factories import on_disk, stored_files
from nebulai.tests.test_middleware import full_disk


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(content))).astype(int)


def test_generate_samples_and_stores_the_recipe(generator: Service, version: ModelVersion) -> None:
    galaxy = generation.generate(version, cluster=1, seed=42, psi=0.8)
    galaxy.refresh_from_db()
    assert (galaxy.cluster, galaxy.seed, galaxy.psi, galaxy.creator) == (1, 42, 0.8, None)
    stored = pixels(generation.image_file(galaxy, "webp"))
    exact = pixels(generation.image_file(galaxy, "png"))
    np.testing.assert_array_equal(exact, generator.sample(galaxy.recipe))
    np.testing.assert_array_equal(stored, pixels(images.webp(generator.sample(galaxy.recipe))))


def test_without_a_seed_every_galaxy_is_new(generator: Service, version: ModelVersion) -> None:
    seeds = {generation.generate(version, cluster=0, seed=None, psi=0.8).seed for _ in range(5)}
    assert len(seeds) == 5


def test_any_family_is_drawn_by_its_share(generator: Service, version: ModelVersion) -> None:
    for family in version.families:
        family["share"] = 0.0
    version.families[0]["share"], version.families[1]["share"] = 0.2, 0.8
    drawn = Counter(generation.generate(version, cluster=None, seed=None, psi=0.8).cluster for _ in range(60))
    assert set(drawn) <= {0, 1}
    assert drawn[1] > drawn[0]


def test_a_variation_is_near_and_another_galaxy_is_not(generator: Service, version: ModelVersion) -> None:
    original = generation.generate(version, cluster=0, seed=1, psi=0.8)
    variation = generation.vary(original)
    assert (variation.cluster, variation.seed) == (0, 1)
    [(towards, weight)] = variation.path
    assert towards != 1
    assert weight == 0.25
    again = generation.vary(variation)
    assert (again.cluster, again.seed) == (0, 1)
    assert again.path[0] == variation.path[0]
    assert len(again.path) == 2

    def apart(one: Galaxy, other: Galaxy) -> float:
        return float(abs(generator.sample(one.recipe).astype(int) - generator.sample(other.recipe)).mean())

    near = np.mean([apart(original, generation.vary(original)) for _ in range(6)])
    far = np.mean([apart(original, generation.generate(version, cluster=0, seed=None, psi=0.8)) for _ in range(6)])
    assert 0 < near < far


def test_a_lost_file_comes_back(generator: Service, version: ModelVersion) -> None:
    galaxy = generation.generate(version, cluster=0, seed=7, psi=0.8)
    before = generation.image_file(galaxy, "webp")
    galaxy.image.storage.delete(str(galaxy.image.name))
    assert abs(pixels(generation.image_file(galaxy, "webp")) - pixels(before)).max() <= 8
    assert galaxy.image.storage.exists(str(galaxy.image.name))


@on_disk
def test_a_lost_file_is_shown_also_where_nothing_can_be_stored(generator: Service, version: ModelVersion) -> None:
    galaxy = generation.generate(version, cluster=1, seed=42, psi=0.8)
    before = generation.image_file(galaxy, "webp")
    galaxy.image.storage.delete(str(galaxy.image.name))
    with full_disk(room=100):
        assert generation.image_file(galaxy, "webp") == before
    assert stored_files() == []
    galaxy.refresh_from_db()
    assert generation.image_file(galaxy, "webp") == before
    assert len(stored_files()) == 1


def test_new_galaxies_name_the_version_that_generated_them(generator: Service, version: ModelVersion) -> None:
    later = ModelVersion.objects.create(version="later", n_clusters=2, resolution=64, checksum="0" * 64)
    registration.activate_version(later)
    assert generation.current_version() == version  # this process still generates with it


def test_new_seeds_are_kept_to_the_last_digit_by_whatever_counts_in_floats() -> None:
    seeds = [generation.new_seed() for _ in range(2000)]
    assert max(seeds) < 10**15
    assert all(int(float(seed)) == seed and int(f"{seed:.15g}".split(".")[0]) == seed for seed in seeds)
    assert len(set(seeds)) == 2000


def test_numbers_that_give_no_picture_are_503_and_nothing_is_stored(
    generator: Service, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deal, unlucky = LatentLayout.deal, normals(13, 1)[0]

    def with_nan(layout: LatentLayout, drawn: Any) -> Any:
        z, *others = deal(layout, drawn)
        z[np.isclose(drawn[:, 0], unlucky)] = np.nan
        return z, *others

    monkeypatch.setattr(LatentLayout, "deal", with_nan)
    form, client = {"cluster": "0", "psi": "0.8", "count": "4"}, Client(headers={"HX-Request": "true"})
    answer = client.post("/generate", form | {"seed": "11"})  # 11 to 14
    assert answer.status_code == 503
    assert "made no picture of these numbers" in answer.content.decode()
    assert not Galaxy.objects.exists()
    assert not default_storage.exists("galaxies")
    assert client.post("/generate", form | {"seed": "14"}).status_code == 200
