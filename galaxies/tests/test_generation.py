from collections import Counter
from io import BytesIO

import numpy as np
from PIL import Image

from galaxies import generation, images
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import registration
from galaxies.serving import Service


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


def test_new_galaxies_name_the_version_that_generated_them(generator: Service, version: ModelVersion) -> None:
    later = ModelVersion.objects.create(version="later", n_clusters=2, resolution=64, checksum="0" * 64)
    registration.activate_version(later)
    assert generation.current_version() == version  # this process still generates with it


def test_new_seeds_are_kept_to_the_last_digit_by_whatever_counts_in_floats() -> None:
    seeds = [generation.new_seed() for _ in range(2000)]
    assert max(seeds) < 10**15
    assert all(int(float(seed)) == seed and int(f"{seed:.15g}".split(".")[0]) == seed for seed in seeds)
    assert len(set(seeds)) == 2000
