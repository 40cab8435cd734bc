import itertools
import re
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies import generation, preferences
from galaxies.ml.bundle import Bundle, read_manifest
from galaxies.models import Galaxy, ModelVersion, PreferenceModel
from galaxies.serving import Busy, Service

HTMX = {"HX-Request": "true"}
RECIPE = {"cluster": "1", "seed": "42", "psi": "0.8"}


def generate(client: Client, **changes: str) -> Galaxy:
    response = client.post("/generate", RECIPE | changes)
    assert response.status_code == 302, response.content.decode()
    return Galaxy.objects.get(public_id=response["Location"].split("/")[2])


def test_studio_shows_the_families(client: Client, version: ModelVersion) -> None:
    page = client.get("/").content.decode()
    for family in version.families:
        assert re.search(rf'name="cluster" value="{family["id"]}">', page)
        assert family["name"] in page
    assert 'name="cluster" value="" checked' in page
    image = re.search(r'src="(/families/[^"]+)"', page)
    assert image
    response = client.get(image[1])
    assert response["Content-Type"] == "image/webp"
    assert "immutable" in response["Cache-Control"]


def test_studio_without_a_model_says_so(client: Client, db: None) -> None:
    assert b"There is no model here yet" in client.get("/").content


def test_studio_is_prefilled_from_the_address(client: Client, version: ModelVersion) -> None:
    page = client.get("/?cluster=1&seed=42&psi=0.55").content.decode()
    assert 'name="cluster" value="1" checked' in page
    assert 'value="42"' in page
    assert 'value="0.55"' in page


def test_the_policy_allows_no_inline_script_or_style(client: Client, generator: Service) -> None:
    for path in ("/", generate(client).get_absolute_url(), "/accounts/login/", "/nowhere"):
        response = client.get(path)
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
        page = response.content.decode()
        assert not re.search(r"<style|style=|<script(?![^>]*src=)| on[a-z]+=|javascript:", page), path
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page), path


def test_a_plain_form_is_taken_to_the_galaxy_s_page(client: Client, generator: Service) -> None:
    galaxy = generate(client)
    page = client.get(galaxy.get_absolute_url()).content.decode()
    assert f'data-galaxy-id="{galaxy.public_id}"' in page
    assert "42" in page
    assert galaxy.model_version.version in page
    assert re.search(r'<img [^>]*alt="Synthetic galaxy', page)


def test_htmx_gets_the_card_alone(client: Client, generator: Service) -> None:
    response = client.post("/generate", RECIPE, headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 200
    assert "HX-Request" in response["Vary"]
    assert "<html" not in page
    assert f'data-galaxy-id="{Galaxy.objects.get().public_id}"' in page
    assert 'id="message" hx-swap-oob' in page


def test_the_same_recipe_is_the_same_image(client: Client, generator: Service) -> None:
    one, two = (client.get(f"/g/{generate(client).public_id}.png").content for _ in range(2))
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(one))), np.asarray(Image.open(BytesIO(two))))


def test_all_left_empty_is_any_family_and_a_new_seed(client: Client, generator: Service) -> None:
    one, two = (generate(client, cluster="", seed="", psi="") for _ in range(2))
    assert one.seed != two.seed
    assert one.psi == 0.8


def test_a_seed_of_any_family_is_the_same_galaxy_each_time(client: Client, generator: Service) -> None:
    found = [generate(client, cluster="", seed=str(seed)) for seed in (*range(8), *range(8))]
    assert found[:8] == found[8:]
    assert len({galaxy.cluster for galaxy in found}) > 1
    client.post("/generate", RECIPE | {"cluster": "", "seed": "0", "count": "4"})
    assert Galaxy.objects.count() == 8  # one of several is that of its own seed


def test_a_galaxy_that_comes_again_says_so(client: Client, generator: Service) -> None:
    first, again = (client.post("/generate", RECIPE, headers=HTMX).content.decode() for _ in range(2))
    assert "A new galaxy: " in first
    assert "That is the galaxy of this seed again" in again
    assert "A new galaxy: " not in again


def test_the_largest_seed_works(client: Client, generator: Service) -> None:
    assert generate(client, seed=str(2**63 - 1)).seed == 2**63 - 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cluster", "99"),
        ("cluster", "-1"),
        ("cluster", "spiral"),
        ("seed", "-1"),
        ("seed", str(2**63)),
        ("seed", "1.5"),
        ("seed", "9" * 5000),
        ("seed", "many"),
        ("psi", "0.29"),
        ("psi", "1.21"),
        ("psi", "nan"),
        ("psi", "inf"),
        ("psi", "<b>"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_what_cannot_be_is_422_with_the_message_at_its_field(
    client: Client, version: ModelVersion, field: str, value: str, headers: dict[str, str]
) -> None:
    response = client.post("/generate", RECIPE | {field: value}, headers=headers)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="{field}-error"' in page
    assert not Galaxy.objects.exists()
    if field == "psi":
        assert re.search(r'<input id="psi"[^>]* value="0.8"', page)  # else a slider jumps to its middle
    if field != "cluster":
        assert 'name="cluster" value="1" checked' in page
        assert value.replace("<b>", "&lt;b&gt;") in page
    if field != "seed":
        assert 'value="42"' in page


def test_a_galaxy_is_not_generated_by_looking(client: Client, generator: Service) -> None:
    assert client.get("/generate").status_code == 405


def test_forms_need_the_site_s_token(version: ModelVersion) -> None:
    assert Client(enforce_csrf_checks=True).post("/generate", RECIPE).status_code == 403


def test_a_variation_has_its_own_page(client: Client, generator: Service) -> None:
    original = generate(client)
    response = client.post(f"/g/{original.public_id}/vary")
    page = client.get(response["Location"]).content.decode()
    assert "variation" in page
    assert original.public_id not in page


@pytest.mark.parametrize(("kind", "magic"), [("webp", b"RIFF"), ("png", b"\x89PNG"), ("fits", b"SIMPLE")])
def test_files(client: Client, generator: Service, kind: str, magic: bytes) -> None:
    galaxy = generate(client)
    response = client.get(f"/g/{galaxy.public_id}.{kind}")
    assert response.content.startswith(magic)
    assert f"nebulai-{galaxy.public_id}.{kind}" in response["Content-Disposition"]
    assert "public" in response["Cache-Control"]
    assert not response.cookies


@pytest.mark.parametrize(
    "path",
    [
        "/g/aaaaaaaaaaa/",
        "/g/aaaaaaaaaaa.webp",
        "/g/short/",
        "/g/0OIl1aaaaaa/",
        "/g/aaaaaaaaaaa.exe",
        "/families/nowhere/0/0.webp",
        "/families/../0/0.webp",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_404_in_the_site_s_design(client: Client, version: ModelVersion, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert b'class="wordmark"' in response.content


def test_only_files_that_the_manifest_names_are_exemplars(client: Client, version: ModelVersion) -> None:
    name = version.version
    assert client.get(f"/families/{name}/0/0.webp").status_code == 200
    assert client.get(f"/families/{name}/0/99.webp").status_code == 404
    assert client.get(f"/families/{name}/99/0.webp").status_code == 404


def test_an_exemplar_comes_in_the_small_sides_that_pages_ask_for(client: Client, version: ModelVersion) -> None:
    file = version.path / version.families[0]["exemplars"][0]
    Image.new("RGB", (256, 256), "navy").save(file)
    page = client.get("/").content.decode()
    asked = set(re.findall(rf"(/families/{version}/0/0/\d+\.webp) (\d+)w", page))
    assert len(asked) == 2
    for path, width in asked:
        response = client.get(path)
        with Image.open(BytesIO(response.content)) as picture:
            assert (picture.format, picture.width) == ("WEBP", int(width))
        assert "immutable" in response["Cache-Control"]
    for path in ("0/0/4096", "0/99/128", "99/0/128"):
        assert client.get(f"/families/{version}/{path}.webp").status_code == 404


def test_a_damaged_exemplar_is_404_when_it_is_asked_for_small(client: Client, version: ModelVersion) -> None:
    (version.path / version.families[0]["exemplars"][1]).write_bytes(b"no picture")
    assert client.get(f"/families/{version}/0/1/128.webp").status_code == 404


def test_too_many_are_429_and_say_when_to_come_back(client: Client, generator: Service, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"generate": "2/m/ip"}
    cache.clear()
    for seed in "12":
        generate(client, seed=seed)
    response = client.post("/generate", RECIPE)
    assert (response.status_code, response["Retry-After"]) == (429, "60")
    assert b'id="problem"' in response.content
    assert Galaxy.objects.count() == 2


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A process whose model is not loaded, and whose loading never ends."""
    end = threading.Event()

    def load(path: Path) -> Any:
        end.wait(30)
        raise Busy("stopped", 1)

    service = Service(load)
    monkeypatch.setattr("galaxies.views.health.service", lambda: service)
    monkeypatch.setattr("galaxies.generation.service", lambda: service)
    yield service
    end.set()
    service.stop()


def test_before_the_model_is_loaded_the_process_lives_and_asks_for_patience(
    client: Client, transactional_db: None, version: ModelVersion, cold: Service
) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/").status_code == 200
    response = client.post("/generate", RECIPE)
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert b'id="problem"' in response.content


def test_ready_when_the_model_is_loaded(client: Client, generator: Service) -> None:
    assert client.get("/readyz").status_code == 200


@pytest.fixture
def taste(version: ModelVersion) -> PreferenceModel:
    """A preference model that stands."""
    width = Bundle(version.path, read_manifest(version.path)).real.features.shape[1]
    return PreferenceModel.objects.create(
        encoder_checksum=version.encoder_checksum,
        n_votes=300,
        n_galaxies=300,
        auc=0.7,
        coefficients=[1.0] * width,
        intercept=0.0,
    )


def test_the_crowd_s_pick_is_offered_where_a_preference_model_stands(client: Client, taste: PreferenceModel) -> None:
    assert 'name="pick" value="on" aria' in client.get("/").content.decode()
    assert 'name="pick" value="on" checked' in client.get("/?pick=on").content.decode()
    page = client.post("/generate", RECIPE | {"pick": "on", "psi": "9"}).content.decode()
    assert 'name="pick" value="on" checked' in page
    taste.encoder_checksum = "of another encoder"
    taste.save()
    assert 'name="pick"' not in client.get("/?pick=on").content.decode()


def test_a_pick_is_one_of_8_and_its_card_says_so(
    client: Client, taste: PreferenceModel, generator: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    many = generator.sample_many

    def sample_many(recipes: Any, *rest: Any) -> Any:
        seen.append(recipes)
        return many(recipes, *rest)

    monkeypatch.setattr(generator, "sample_many", sample_many)
    page = client.post("/generate", RECIPE | {"seed": "", "pick": "on"}, headers=HTMX).content.decode()
    shown = re.findall(r'data-galaxy-id="(\w+)"', page)
    assert len(shown) == len(set(shown)) == Galaxy.objects.count() == 8
    galaxy = Galaxy.objects.get(public_id=shown[0])
    recipes = seen[0]
    assert len(seen) == 1
    assert {each.recipe.digest for each in Galaxy.objects.all()} == {recipe.digest for recipe in recipes}
    assert len({recipe.seed for recipe in recipes}) == 8
    assert {(recipe.cluster, recipe.psi) for recipe in recipes} == {(1, 0.8)}
    features = [generator.features(galaxy.model_version.version, generator.sample(recipe)).sum() for recipe in recipes]
    assert recipes[int(np.argmax(features))] == galaxy.recipe
    assert "crowd's pick out of 8" in page
    assert '<input type="hidden" name="pick" value="on">' in page  # Regenerate picks again


def test_a_pick_from_any_family_is_one_of_several_families(
    taste: PreferenceModel, version: ModelVersion, generator: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = itertools.cycle([0, 1])
    monkeypatch.setattr(generation, "draw_cluster", lambda version: next(drawn))
    monkeypatch.setattr(preferences, "chances", lambda model, features: np.arange(len(features)))
    galaxy, *others = preferences.pick(version, taste, cluster=None, psi=0.8)
    assert sorted(each.cluster for each in others) == [0] * 4 + [1] * 3
    assert galaxy.cluster == 1  # the last of 0, 1, 0, 1 and so on, not the family of the first
    assert next(drawn) == 0  # eight were drawn


def test_a_pick_without_htmx_is_shown_with_the_others(
    client: Client, taste: PreferenceModel, generator: Service
) -> None:
    response = client.post("/generate", {"psi": "0.8", "pick": "on"})
    page = client.get(response["Location"]).content.decode()
    assert "crowd's pick out of 8" in page
    assert "The others it was picked from" in page
    assert len(set(re.findall(r'data-galaxy-id="(\w+)"', page))) == 8


def test_a_seed_leaves_nothing_to_pick(client: Client, taste: PreferenceModel, generator: Service) -> None:
    page = client.post("/generate", RECIPE | {"pick": "on"}, headers=HTMX).content.decode()
    assert Galaxy.objects.get().seed == 42
    assert "crowd's pick" not in page


def test_a_forged_pick_without_a_preference_model_is_ignored(client: Client, generator: Service) -> None:
    page = client.post("/generate", RECIPE | {"seed": "", "pick": "on"}, headers=HTMX).content.decode()
    assert Galaxy.objects.count() == 1
    assert "crowd's pick" not in page
