"""One recipe, one galaxy: its text and digest, its makers, and what becomes of it when one of them goes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from galaxies import generation, makers
from galaxies.ml.bundle import BundleError
from galaxies.ml.bundle.latents import MAX_STEPS
from galaxies.models import Alias, Galaxy, ModelVersion
from galaxies.recipe import Recipe, RecipeError, read_path, read_shares, read_steer
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person

PLAIN = Recipe("one", 1, 42, 0.8)
WANDERED = replace(PLAIN, path=((7, 0.25), (9, 0.5)), shares=((0, 0.4), (1, 0.6)), steer={"arms": 1.5})


def test_equal_recipes_have_one_digest_and_others_another() -> None:
    assert PLAIN.digest == Recipe("one", 1, 42, 0.8, steer={"arms": 0.0}).digest
    assert Recipe("one", 1, 42, 1).digest == Recipe("one", 1, 42, 1.0).digest
    others = [
        replace(PLAIN, version="two"),
        replace(PLAIN, cluster=0),
        replace(PLAIN, seed=43),
        replace(PLAIN, psi=0.81),
        replace(PLAIN, path=((7, 0.25),)),
        replace(PLAIN, path=((7, 0.25), (9, 0.5))),
        replace(PLAIN, path=((9, 0.5), (7, 0.25))),
        replace(PLAIN, shares=((0, 0.4), (1, 0.6))),
        replace(PLAIN, steer={"arms": 1.5}),
    ]
    assert len({recipe.digest for recipe in (PLAIN, *others)}) == 10


def test_a_variation_from_before_there_were_paths_is_the_same_recipe_as_one_step() -> None:
    old = replace(PLAIN, cluster2=1, seed2=7, mix=0.25)
    assert old.digest == replace(PLAIN, path=((7, 0.25),)).digest
    apart = replace(PLAIN, cluster2=0, seed2=7, mix=0.25)
    assert apart.digest == replace(PLAIN, path=((7, 0.25),), shares=((0, 0.25), (1, 0.75))).digest


@pytest.mark.parametrize("recipe", [PLAIN, WANDERED])
def test_its_parts_are_read_as_they_are_written(recipe: Recipe) -> None:
    query = recipe.as_query()
    assert read_path(query.get("path", "")) == recipe.path
    assert read_shares(query.get("shares", "")) == recipe.shares
    assert read_steer(query.get("steer", "")) == recipe.steer
    given = recipe.as_dict()
    assert read_path([list(step) for step in given.get("path", ())]) == recipe.path
    assert read_steer(given.get("steer", {})) == recipe.steer


@pytest.mark.parametrize("text", ["7", "7:", "7:1.5", "-7:0.5", "x:0.5", "7:nan", f"{2**63}:0.5", "7:0.5,", "7:1;9:1"])
def test_a_path_that_is_none_is_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError, match="Write a path as"):
        read_path(text)


def test_a_path_that_is_too_long_is_a_sentence() -> None:
    steps = ",".join(f"{seed}:0.5" for seed in range(MAX_STEPS))
    assert len(read_path(steps)) == 32
    with pytest.raises(RecipeError, match="32 steps at most, and this one has 33"):
        read_path(f"{steps},99:0.5")


@pytest.mark.parametrize("text", ["0:0.5", "0:0.5,0:0.5", "0:2,1:-1", "300:1", "x:1", "0:nan"])
def test_shares_that_are_none_are_a_sentence(text: str) -> None:
    with pytest.raises(RecipeError, match="adding up to 1"):
        read_shares(text)


@pytest.mark.parametrize("given", ["arms", "arms:9", "arms:nan", "../x:1", 5, [["arms"]]])
def test_a_steer_that_is_none_is_a_sentence(given: Any) -> None:
    with pytest.raises(RecipeError, match="Write a steer as"):
        read_steer(given)


class TestOneGalaxyForEach:
    def test_the_same_recipe_is_the_same_galaxy_with_both_as_makers(
        self, generator: Service, version: ModelVersion
    ) -> None:
        ada, bo = make_person("ada"), make_person("bo")
        visited = generation.generate(version, cluster=1, seed=42, psi=0.8)
        for person in (ada, bo, ada):
            galaxy = generation.generate(version, cluster=1, seed=42, psi=0.8, creator=person)
            assert galaxy == visited
            assert galaxy in Galaxy.objects.made_by(person)
        galaxy.refresh_from_db()
        assert (galaxy.creator, galaxy.makings.count()) == (ada, 2)

    def test_one_that_is_there_needs_no_generator(
        self, version: ModelVersion, generator: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there = generation.generate(version, cluster=1, seed=42, psi=0.8)
        monkeypatch.setattr(generator, "sample_many", lambda *_: 1 / 0)
        assert generation.generate(version, cluster=1, seed=42, psi=0.8) == there

    def test_many_at_once_are_one(self, transactional_db: None, generator: Service, version: ModelVersion) -> None:
        people = [make_person(f"person{number}") for number in range(6)]

        def generate(person: User) -> int:
            try:
                return generation.generate(version, cluster=1, seed=42, psi=0.8, creator=person).pk
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            assert len(set(pool.map(generate, people))) == 1
        galaxy = Galaxy.objects.get()
        assert galaxy.makings.count() == 6
        assert galaxy.image.storage.exists(str(galaxy.image.name))
        assert len(galaxy.image.storage.listdir(f"galaxies/{galaxy.public_id[:2]}")[1]) == 1

    def test_twice_in_one_batch_is_one(self, generator: Service, version: ModelVersion) -> None:
        recipes = [Recipe(version.version, 1, seed, 0.8) for seed in (1, 2, 1)]
        one, two, again = generation.make(version, recipes, None)
        assert (one, Galaxy.objects.count()) == (again, 2)
        assert (one.seed, two.seed) == (1, 2)

    def test_whoever_leaves_takes_it_along_only_if_nobody_else_made_it(self, db: None) -> None:
        ada, bo = make_person("ada"), make_person("bo")
        both, alone = (make_galaxy(creator=ada, image="lost.webp") for _ in range(2))
        makers.add([both], bo)
        generation.disown(ada, Galaxy.objects.made_by(ada))
        assert list(Galaxy.objects.all()) == [both]
        both.refresh_from_db()
        assert (both.creator, both.makings.get().person) == (bo, bo)
        assert not Galaxy.objects.filter(pk=alone.pk).exists()

    def test_each_maker_may_publish_it_and_deleting_leaves_it_to_the_others(
        self, client: Client, version: ModelVersion
    ) -> None:
        ada, bo = make_person("ada"), make_person("bo")
        galaxy = make_galaxy(model_version=version, creator=ada, image="lost.webp")
        makers.add([galaxy], bo)
        client.force_login(bo)
        client.post(f"/g/{galaxy.public_id}/publish", {"published": "1"})
        galaxy.refresh_from_db()
        assert galaxy.published
        response = client.post(f"/g/{galaxy.public_id}/delete", follow=True)
        assert b"other people made it too" in response.content
        assert list(galaxy.makings.values_list("person", flat=True)) == [ada.pk]
        assert client.post(f"/g/{galaxy.public_id}/publish", {"published": "0"}).status_code == 403

    def test_an_id_from_before_a_merge_is_voted_on_and_varied(
        self, client: Client, generator: Service, version: ModelVersion
    ) -> None:
        galaxy = generation.generate(version, cluster=1, seed=42, psi=0.8)
        Alias.objects.create(public_id="a" * 11, galaxy=galaxy)
        client.force_login(make_person("ada"))
        client.post(f"/g/{'a' * 11}/vote", {"value": "like"})
        client.post(f"/g/{'a' * 11}/vary")
        galaxy.refresh_from_db()
        assert (galaxy.likes, Galaxy.objects.count()) == (1, 2)


def test_a_galaxy_at_the_end_of_its_path_goes_no_further(
    client: Client, generator: Service, version: ModelVersion
) -> None:
    far = make_galaxy(model_version=version, path=[[seed, 0.1] for seed in range(MAX_STEPS)])
    response = client.post(f"/g/{far.public_id}/vary")
    assert response.status_code == 409
    assert b"a recipe goes no further" in response.content
    assert Galaxy.objects.count() == 1


def test_the_studio_brings_back_a_whole_recipe_and_refuses_half_of_one(
    client: Client, generator: Service, version: ModelVersion
) -> None:
    recipe = Recipe(version.version, 1, 42, 0.7, path=((7, 0.25), (9, 0.5)), shares=((0, 0.25), (1, 0.75)))
    made = client.post("/generate", recipe.as_query())["Location"]
    galaxy = Galaxy.objects.get()
    assert galaxy.recipe == recipe
    page = client.get(galaxy.studio_url).content.decode()
    assert 'name="path" value="7:0.25,9:0.5"' in page
    assert client.post("/generate", recipe.as_query())["Location"] == made
    too_long = ",".join(f"{seed}:0.5" for seed in range(33))
    for wrong, sentence in [
        ({"path": too_long}, "32 steps at most, and this one has 33"),
        ({"path": "x"}, "Write a path as"),
        ({"shares": "99:0.5,1:0.5"}, "There is no such family"),
        ({"steer": "arms"}, "Write a steer as"),
    ]:
        response = client.post("/generate", recipe.as_query() | wrong)
        assert (response.status_code, sentence in response.content.decode()) == (422, True)
        assert Galaxy.objects.count() == 1
    for changed in ({"seed": ""}, {"cluster": "2"}):
        client.post("/generate", recipe.as_query() | changed)
    new_seed, other_family = Galaxy.objects.order_by("pk")[1:]
    assert (new_seed.path, new_seed.shares) == ([], [[0, 0.25], [1, 0.75]])
    assert (other_family.path, other_family.shares) == ([[7, 0.25], [9, 0.5]], [])


class TestSteer:
    @pytest.fixture
    def steered(self, loaded: Service, version: ModelVersion) -> Iterator[Service]:
        """A model with a direction, found nowhere: it only has to be one."""
        current = loaded._current
        assert current is not None
        width = current.manifest["generator"]["w_dim"]
        current.__dict__["directions"] = {"arms": np.ones(width, np.float32)}
        yield loaded
        del current.__dict__["directions"]

    def test_a_direction_changes_the_image_by_its_amount(self, steered: Service, version: ModelVersion) -> None:
        recipes = [Recipe(version.version, 1, 42, 0.8, steer={"arms": amount}) for amount in (0.0, 0.2, 2.0)]
        none, little, much = steered.sample_many(recipes).astype(int)
        alone = steered.sample(recipes[0])  # a batch may round otherwise
        np.testing.assert_array_equal(alone, steered.sample(Recipe(version.version, 1, 42, 0.8)))
        assert 0 < abs(little - none).mean() < abs(much - none).mean()

    def test_a_model_without_it_refuses_in_a_sentence_and_paints_for_others(
        self, generator: Service, version: ModelVersion
    ) -> None:
        recipe = Recipe(version.version, 1, 42, 0.8, steer={"arms": 1.0})
        with pytest.raises(BundleError, match="has no direction “arms”"):
            generator.sample_many([Recipe(version.version, 1, 42, 0.8), recipe])
