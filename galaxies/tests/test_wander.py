"""From galaxy to galaxy: grids, neighbours, blends, all families, walks, and what was made in this visit."""

import io
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import numpy as np
import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from PIL import Image

from accounts.models import User
from galaxies import generation
from galaxies.ml.bundle.latents import MAX_STEPS
from galaxies.models import Galaxy, ModelVersion
from galaxies.recipe import MAX_SEED, Recipe
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person, make_version
from galaxies.walks import between

pytestmark = pytest.mark.usefixtures("generator")  # a model that is still loaded is 503 before anything else

HTMX = {"HX-Request": "true"}
PASSWORD = "a-quiet-night-sky"


def ids(response: Any) -> list[str]:
    """The ids of the cards of a page, or of the page that a response leads to."""
    return re.findall(r'data-galaxy-id="(\w+)"', response.content.decode())


def follow(client: Client, response: Any) -> Any:
    assert response.status_code == 302, response.content.decode()
    return client.get(response["Location"])


def make(version: ModelVersion, seed: int, cluster: int = 1) -> Galaxy:
    return generation.generate(version, cluster=cluster, seed=seed, psi=0.8)


@pytest.fixture
def one_batch(generator: Service, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what the generator is asked for at once."""
    sizes: list[int] = []
    many = generator.sample_many

    def sample_many(recipes: Any, *rest: Any) -> Any:
        sizes.append(len(recipes))
        return many(recipes, *rest)

    monkeypatch.setattr(generator, "sample_many", sample_many)
    return sizes


class TestGrid:
    @pytest.mark.parametrize("count", [4, 9])
    def test_many_come_in_one_batch_each_with_its_card(
        self, client: Client, version: ModelVersion, one_batch: list[int], count: int
    ) -> None:
        response = client.post("/generate", {"cluster": "1", "count": str(count)}, headers=HTMX)
        assert len(set(ids(response))) == Galaxy.objects.count() == count
        assert one_batch == [count]
        query = parse_qs(urlsplit(response["HX-Push-Url"]).query)
        assert query["ids"] == [",".join(ids(response))]
        again = client.get(response["HX-Push-Url"])
        assert ids(again) == ids(response)
        assert f'<option value="{count}" selected>' in again.content.decode()

    def test_without_htmx_the_studio_shows_them_and_a_zip_takes_all(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        page = follow(client, client.post("/generate", {"count": "4"}))
        assert len(ids(page)) == 4
        hidden = re.findall(r'<input type="hidden" name="id" value="(\w+)"', page.content.decode())
        assert hidden == ids(page)
        archive: Any = client.post("/galaxies/zip", {"id": hidden, "kind": "webp"})
        assert len(ZipFile(io.BytesIO(b"".join(archive.streaming_content))).namelist()) == 5

    def test_with_a_seed_they_are_those_from_it_on(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        client.post("/generate", {"cluster": "1", "seed": "7", "count": "4"})
        assert set(Galaxy.objects.values_list("seed", flat=True)) == {7, 8, 9, 10}

    def test_one_is_a_galaxy_as_ever(self, client: Client, version: ModelVersion, generator: Service) -> None:
        assert client.post("/generate", {"count": "1"})["Location"] == Galaxy.objects.get().get_absolute_url()

    @pytest.mark.parametrize(("count", "seed"), [("2", ""), ("x", ""), ("-1", ""), ("9", str(MAX_SEED))])
    def test_another_number_is_a_sentence_at_its_field(
        self, client: Client, version: ModelVersion, count: str, seed: str
    ) -> None:
        response = client.post("/generate", {"cluster": "1", "count": count, "seed": seed})
        assert response.status_code == 422
        assert b'id="count-error"' in response.content
        assert b'name="cluster" value="1" checked' in response.content
        assert not Galaxy.objects.exists()

    def test_an_address_of_galaxies_that_are_gone_shows_the_rest(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        there = make(version, 1)
        for wrong in ("x", "../a", "%00", "a" * 11, ""):
            response = client.get(f"/?show=several&ids={wrong},{there.public_id}")
            assert (response.status_code, ids(response)) == (200, [there.public_id])
        assert client.get("/?show=nothing&ids=a").status_code == 200
        assert client.get("/?show=blend&ids=").status_code == 200


class TestNeighbours:
    def test_eight_lie_around_a_galaxy_and_one_leads_on(
        self, client: Client, version: ModelVersion, one_batch: list[int]
    ) -> None:
        original = make(version, 1)
        near = client.post(f"/g/{original.public_id}/vary", {"count": "8", "radius": "0.4"}, headers=HTMX)
        assert ids(near)[0] == original.public_id
        assert len(set(ids(near))) == 9
        assert one_batch == [1, 8]
        chosen = Galaxy.objects.get(public_id=ids(near)[3])
        assert [weight for _, weight in chosen.path] == [0.4]
        assert 'value="0.4"' in near.content.decode()
        client.post(f"/g/{chosen.public_id}/vary", {"count": "8"})
        last = Galaxy.objects.latest("pk")
        assert last.path[:1] == chosen.path
        assert len(last.path) == 2

    def test_the_radius_says_how_far_they_lie(self, generator: Service, version: ModelVersion) -> None:
        original = make(version, 1)

        def distance(radius: float) -> float:
            near = generation.neighbours(original, None, radius=radius, count=6)
            images = generator.sample_many([galaxy.recipe for galaxy in near]).astype(int)
            return float(np.abs(images - generator.sample(original.recipe)).mean())

        assert distance(0.05) < distance(0.3) < distance(0.8)

    @pytest.mark.parametrize("data", [{"radius": "9"}, {"radius": "x"}, {"radius": "nan"}, {"count": "99"}])
    def test_too_far_is_a_sentence(self, client: Client, version: ModelVersion, data: dict[str, str]) -> None:
        galaxy = make_galaxy(model_version=version)
        assert client.post(f"/g/{galaxy.public_id}/vary", data).status_code == 400
        assert Galaxy.objects.count() == 1

    def test_with_htmx_the_end_of_a_path_is_a_message_and_the_form_stays(
        self, client: Client, version: ModelVersion
    ) -> None:
        far = make_galaxy(model_version=version, path=[[seed, 0.1] for seed in range(MAX_STEPS)])
        response = client.post(f"/g/{far.public_id}/vary", {"count": "8"}, headers=HTMX)
        assert response.status_code == 409
        assert b'id="problem"' in response.content


class TestBlend:
    def test_nine_lead_from_one_to_the_other_families_apart_too(
        self, client: Client, version: ModelVersion, one_batch: list[int]
    ) -> None:
        start, end = make(version, 1, cluster=0), make(version, 2, cluster=3)
        response = client.post("/blend", {"a": start.public_id, "b": end.public_id}, headers=HTMX)
        shown = ids(response)
        assert len(set(shown)) == 9
        assert (shown[0], shown[-1]) == (start.public_id, end.public_id)
        assert one_batch == [1, 1, 7]
        middle = Galaxy.objects.get(public_id=shown[4])
        assert middle.recipe.steps == ((2, 0.5),)
        assert middle.recipe.families == {0: 0.5, 3: 0.5}
        assert f"/g/{start.public_id}/walk.webp?to={end.public_id}" in response.content.decode()
        assert ids(client.get(response["HX-Push-Url"])) == shown

    def test_blends_of_blends_of_variations_are_galaxies_too(self, generator: Service, version: ModelVersion) -> None:
        one, two = make(version, 1, cluster=0), generation.vary(make(version, 2, cluster=1))
        middle = generation.make(version, between(one.recipe, two.recipe, 3), None)[1]
        other = generation.vary(make(version, 3, cluster=2))
        recipes = between(middle.recipe, other.recipe, 5)
        images = generator.sample_many(recipes).astype(float)
        steps = np.abs(np.diff(images, axis=0)).mean(axis=(1, 2, 3))
        assert steps.max() < np.abs(images[0] - images[-1]).mean()  # no jump
        inner = generation.make(version, recipes, None)[2]
        assert set(inner.recipe.families) == {0, 1, 2}
        assert sum(inner.recipe.families.values()) == pytest.approx(1, abs=1e-5)
        stored = Galaxy.objects.get(pk=inner.pk).recipe  # alone, as the other: a batch may round otherwise
        np.testing.assert_array_equal(generator.sample(stored), generator.sample(recipes[2]))

    def test_seeds_and_addresses_will_do(self, client: Client, version: ModelVersion, generator: Service) -> None:
        galaxy = make(version, 5, cluster=2)
        address = f"https://example.org/g/{galaxy.public_id}/"
        page = follow(client, client.post("/blend", {"a": address, "b": "77", "steps": "3"}))
        assert ids(page)[0] == galaxy.public_id
        last = Galaxy.objects.get(public_id=ids(page)[-1])
        assert (last.seed, last.cluster) == (77, 2)
        assert len(ids(follow(client, client.post("/blend", {"a": "1", "b": "2", "steps": "4"})))) == 4

    def test_two_that_are_selected_among_others_are_blended(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        two = [make(version, seed).public_id for seed in (1, 2)]
        assert len(ids(follow(client, client.post("/blend", {"id": two, "kind": "png"})))) == 9
        response = client.post("/blend", {"id": two[:1], "kind": "png"})
        assert response.status_code == 422
        assert b"Select two galaxies to blend" in response.content

    @pytest.mark.parametrize(
        ("changes", "field", "sentence"),
        [
            ({"b": ""}, "b", "Give the id, the address or the seed"),
            ({"b": "not one"}, "b", "Give the id, the address or the seed"),
            ({"b": "a" * 11}, "b", "There is no such galaxy"),
            ({"a": "-1"}, "a", "Give the id, the address or the seed"),
            ({"a": str(2**63)}, "a", "Give the id, the address or the seed"),
            ({"steps": "33"}, "steps", "32"),
            ({"steps": "x"}, "steps", "whole number"),
        ],
    )
    @pytest.mark.parametrize("headers", [{}, HTMX])
    def test_what_cannot_be_blended_is_a_sentence_at_its_field(
        self,
        client: Client,
        version: ModelVersion,
        headers: dict[str, str],
        changes: dict[str, str],
        field: str,
        sentence: str,
    ) -> None:
        galaxy = make_galaxy(model_version=version)
        response = client.post("/blend", {"a": galaxy.public_id, "b": "7"} | changes, headers=headers)
        page = response.content.decode()
        assert response.status_code == 422
        error = re.search(rf'id="{field}-error">([^<]+)', page)
        assert error
        assert sentence in error[1]
        if field != "a":
            assert f'value="{galaxy.public_id}"' in page
        assert Galaxy.objects.count() == 1
        assert response.get("HX-Retarget") == ("#blend" if headers else None)

    def test_models_with_other_networks_are_a_sentence(self, client: Client, version: ModelVersion) -> None:
        here, there = make_galaxy(model_version=version), make_galaxy(model_version=make_version("one"))
        response = client.post("/blend", {"a": here.public_id, "b": there.public_id})
        assert response.status_code == 422
        assert b"of different models" in response.content
        walk = client.get(f"/g/{here.public_id}/walk.webp?to={there.public_id}")
        assert walk.status_code == 409
        assert b"of different models" in walk.content

    def test_paths_that_hold_too_many_seeds_together_are_a_sentence(
        self, client: Client, version: ModelVersion
    ) -> None:
        ends = [
            make_galaxy(model_version=version, path=[[first + step, 0.1] for step in range(20)]) for first in (100, 200)
        ]
        response = client.post("/blend", {"a": ends[0].public_id, "b": ends[1].public_id})
        assert response.status_code == 422
        assert b"too many steps" in response.content

    def test_the_page_asks_for_the_two(self, client: Client, version: ModelVersion) -> None:
        page = client.get("/blend?a=42").content.decode()
        assert 'name="a"' in page
        assert 'value="42"' in page


def test_one_latent_goes_through_all_families(client: Client, version: ModelVersion, one_batch: list[int]) -> None:
    original = generation.vary(make(version, 1))
    page = follow(client, client.post(f"/g/{original.public_id}/families"))
    galaxies = [Galaxy.objects.get(public_id=each) for each in ids(page)]
    assert [galaxy.cluster for galaxy in galaxies] == [family["id"] for family in version.families]
    assert {(galaxy.seed, str(galaxy.path)) for galaxy in galaxies} == {(1, str(original.path))}
    assert original in galaxies
    assert one_batch[-1] == len(galaxies) - 1


class TestWalk:
    @pytest.mark.parametrize("kind", ["webp", "gif"])
    def test_it_is_an_animation_that_goes_there_and_back(
        self, client: Client, version: ModelVersion, generator: Service, kind: str
    ) -> None:
        start, end = make(version, 1, cluster=0), make(version, 2, cluster=3)
        response = client.get(f"/g/{start.public_id}/walk.{kind}?to={end.public_id}")
        assert response["Content-Type"] == f"image/{kind}"
        assert f"-{end.public_id}.{kind}" in response["Content-Disposition"]
        with Image.open(io.BytesIO(response.content)) as film:
            assert film.info["loop"] == 0
            assert film.n_frames > 20  # type: ignore[attr-defined]  # of 46, less those that are alike
            frames = []
            for number in range(film.n_frames):  # type: ignore[attr-defined]
                film.seek(number)
                frames.append(np.asarray(film.convert("RGB")).astype(int))
        near = [min(abs(frame - generator.sample(g.recipe)).mean() for frame in frames) for g in (start, end)]
        assert max(near) < abs(frames[0] - frames[len(frames) // 2]).mean()
        assert Galaxy.objects.count() == 2

    def test_to_nowhere_is_404(self, client: Client, version: ModelVersion) -> None:
        galaxy = make_galaxy(model_version=version)
        for query in ("", "?to=", "?to=aaaaaaaaaaa", "?to=%00"):
            assert client.get(f"/g/{galaxy.public_id}/walk.webp{query}").status_code == 404


class TestFilm:
    def film(self, client: Client) -> list[str]:
        return re.findall(r'data-film="(\w+)"', client.get("/").content.decode())

    def test_it_holds_what_was_made_in_this_visit_newest_first(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        assert self.film(client) == []
        assert b'id="film"' in client.get("/").content
        for seed in "123":
            response = client.post("/generate", {"cluster": "1", "seed": seed}, headers=HTMX)
        newest = Galaxy.objects.order_by("-pk").values_list("public_id", flat=True)
        assert self.film(client) == list(newest)
        assert re.findall(r'data-film="(\w+)"', response.content.decode()) == [newest[0]]
        client.post("/generate", {"cluster": "1", "seed": "1"})
        assert [Galaxy.objects.named(each).seed for each in self.film(client)] == [1, 3, 2]
        assert self.film(Client()) == []

    def test_it_survives_a_login_and_goes_on_for_who_is_logged_in(
        self, client: Client, version: ModelVersion, generator: Service
    ) -> None:
        User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
        client.post("/generate", {"cluster": "1", "seed": "1"})
        client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
        client.post("/generate", {"cluster": "1", "seed": "2"})
        assert len(self.film(client)) == 2
        assert Galaxy.objects.made_by(User.objects.get()).count() == 2

    def test_what_is_deleted_leaves_it(self, client: Client, version: ModelVersion, generator: Service) -> None:
        person = make_person("ada")
        client.force_login(person)
        client.post("/generate", {"cluster": "1", "seed": "1"})
        generation.disown(person, Galaxy.objects.all())
        assert self.film(client) == []


def test_recipes_of_a_blend_are_the_same_whoever_asks(version: ModelVersion) -> None:
    one, other = Recipe(version.version, 0, 1, 0.5), Recipe(version.version, 1, 2, 1.0)
    assert [r.digest for r in between(one, other, 9)] == [r.digest for r in between(one, other, 9)]
    assert [r.psi for r in between(one, other, 5)] == [0.5, 0.625, 0.75, 0.875, 1.0]
