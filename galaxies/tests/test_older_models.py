"""Recipes of models other than the active one: they paint, or the answer says why not and offers the nearest family."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from galaxies import generation
from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.synthetic import draw
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import versions
from galaxies.registry.family_matching import nearest_family
from galaxies.registry.registration import register_bundle
from galaxies.serving import Service

HTMX = {"HX-Request": "true"}


@pytest.fixture
def older(settings: Settings, bundle: Path, version: ModelVersion) -> ModelVersion:
    """A second version, whose families have names of their own."""
    path = Path(shutil.copytree(bundle, settings.MODELS_STORE / "older"))
    manifest = json.loads((path / "manifest.json").read_text()) | {"version": "older"}
    for family in manifest["families"]:
        family["name"] = f"Once {family['id']}"
    (path / "manifest.json").write_text(json.dumps(manifest))
    return register_bundle(path)


@pytest.fixture
def galaxy(older: ModelVersion, generator: Service) -> Galaxy:
    return generation.generate(older, cluster=1, seed=42, psi=0.8)


def other_images(version: ModelVersion) -> None:
    """Let a version have learned from other images than the active one."""
    file = version.path / "manifest.json"
    manifest: dict[str, Any] = json.loads(file.read_text())
    manifest["data"]["fingerprint"] = "of other images"
    file.write_text(json.dumps(manifest))


def test_regenerate_of_an_older_galaxy_paints_with_its_own_model(client: Client, galaxy: Galaxy) -> None:
    page = client.get(galaxy.get_absolute_url()).content.decode()
    assert '<input type="hidden" name="version" value="older">' in page
    client.post("/generate", {"version": "older", "cluster": "1", "psi": "0.8"})
    newest = Galaxy.objects.first()
    assert newest and newest != galaxy
    assert (newest.model_version.version, newest.cluster) == ("older", 1)


def test_the_recipe_s_link_names_the_version_and_leads_to_the_same_galaxy(client: Client, galaxy: Galaxy) -> None:
    page = client.get(galaxy.get_absolute_url()).content.decode()
    assert 'href="/?version=older&amp;cluster=1&amp;seed=42&amp;psi=0.8"' in page
    studio = client.get(galaxy.studio_url).content.decode()
    assert f'data-galaxy-id="{galaxy.public_id}"' in studio
    assert "These are the families of model older" in studio
    assert '<input type="radio" name="cluster" value="1" checked>' in studio


def test_the_studio_s_form_carries_its_version(client: Client, version: ModelVersion) -> None:
    assert f'<input type="hidden" name="version" value="{version}">' in client.get("/").content.decode()


def test_a_form_left_open_while_another_model_was_activated_paints_what_it_shows_and_says_so(
    client: Client, older: ModelVersion, generator: Service
) -> None:
    response = client.post("/generate", {"version": "older", "cluster": "0"}, headers=HTMX)
    page = response.content.decode()
    assert Galaxy.objects.get().model_version == older
    assert "It is of model older; the model of this site is" in page
    assert response["HX-Push-Url"] == Galaxy.objects.get().studio_url


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("name", ["nowhere", "../older", "a\0b", "x" * 500])
def test_a_version_that_is_not_here_is_422_with_a_sentence(
    client: Client, version: ModelVersion, name: str, headers: dict[str, str]
) -> None:
    response = client.post("/generate", {"version": name, "cluster": "1", "seed": "42"}, headers=headers)
    page = response.content.decode()
    assert response.status_code == 422
    assert "This site does not have the model of that recipe" in page
    assert 'id="version-error"' in page
    assert 'value="42"' in page  # nothing typed is lost
    assert f'name="version" value="{version}"' in page
    assert not Galaxy.objects.exists()


@pytest.mark.parametrize("retire", [versions.archive, lambda version: shutil.rmtree(version.path)])
def test_a_retired_model_paints_no_more_and_the_nearest_family_is_offered(
    client: Client, galaxy: Galaxy, version: ModelVersion, retire: Any
) -> None:
    retire(galaxy.model_version)
    page = client.get(galaxy.get_absolute_url()).content.decode()
    assert "makes no new galaxies any more" in page
    assert 'id="regenerate"' not in page
    studio = client.get(galaxy.studio_url)
    answers = [
        client.post("/generate", {"version": "older", "cluster": "1", "psi": "0.8"}),
        client.post(f"/g/{galaxy.public_id}/vary"),
    ]
    assert [answer.status_code for answer in (studio, *answers)] == [200, 422, 422]
    for answer in (studio, *answers):
        text = answer.content.decode()
        assert 'id="version-error"' in text
        assert f'name="version" value="{version}"' in text
    assert Galaxy.objects.count() == 1
    assert f'data-galaxy-id="{galaxy.public_id}"' in studio.content.decode()


def test_an_archived_model_s_family_is_found_by_shared_images(client: Client, galaxy: Galaxy, version: Any) -> None:
    versions.archive(galaxy.model_version)
    page = client.get(galaxy.studio_url).content.decode()
    assert f"The nearest family of model {version} is chosen: {version.family(1)['name']}." in page
    assert '<input type="radio" name="cluster" value="1" checked>' in page


def test_without_shared_images_exemplars_tell_the_nearest_family(
    older: ModelVersion, version: ModelVersion, generator: Service
) -> None:
    other_images(older)
    drawn = draw(64, version.resolution, seed=1)[0]
    seen_as = load_bundle(version.path).assign(generator.features_many(version.version, drawn))
    for cluster in (0, 1):
        others = drawn[seen_as == 1 - cluster]
        for name, image in zip(older.family(cluster)["exemplars"], others, strict=False):
            Image.fromarray(image).save(older.path / name, lossless=True)
    found = [nearest_family(older, cluster, version) for cluster in (0, 1)]
    assert [family and family["id"] for family in found] == [1, 0]


def test_without_files_a_name_tells_the_nearest_family_or_nothing_does(
    older: ModelVersion, version: ModelVersion, generator: Service
) -> None:
    shutil.rmtree(older.path)
    assert nearest_family(older, 1, version) is None
    older.families[1]["name"] = version.family(0)["name"]
    found = nearest_family(older, 1, version)
    assert found and found["id"] == 0
    assert nearest_family(older, 99, version) is None


@pytest.mark.parametrize("kind", ["png", "fits"])
def test_files_of_a_lost_model_are_a_sentence(client: Client, galaxy: Galaxy, kind: str, generator: Service) -> None:
    shutil.rmtree(galaxy.model_version.path)
    generator._old.clear()
    response = client.get(f"/g/{galaxy.public_id}.{kind}")
    assert response.status_code == 503
    assert "cannot be read at the moment" in response.content.decode()


def test_the_studio_s_address_is_the_recipe(client: Client, version: ModelVersion, generator: Service) -> None:
    response = client.post("/generate", {"cluster": "1", "seed": "7", "psi": "0.5"}, headers=HTMX)
    address = response["HX-Push-Url"]
    assert address == f"/?version={version}&cluster=1&seed=7&psi=0.5"
    galaxy = Galaxy.objects.get()
    whole, part = client.get(address), client.get(address, headers=HTMX)
    again = client.get(address, headers=HTMX | {"HX-History-Restore-Request": "true"})
    for response in (whole, part, again):
        assert f'data-galaxy-id="{galaxy.public_id}"' in response.content.decode()
        assert "HX-Request" in response["Vary"]
    assert ["<html" in response.content.decode() for response in (whole, part, again)] == [True, False, True]
    assert Galaxy.objects.count() == 1


def test_a_variation_has_an_address_in_the_studio_too(client: Client, generator: Service, galaxy: Galaxy) -> None:
    variation = generation.vary(galaxy)
    page = client.get(variation.studio_url).content.decode()
    assert f'data-galaxy-id="{variation.public_id}"' in page


@pytest.mark.parametrize(
    "query",
    ["version=a%00&cluster=1&seed=1&psi=0.8", "version=x&cluster=9999&seed=1&psi=nan", "galaxy=%00", "galaxy=gone"],
)
def test_an_address_without_a_galaxy_shows_the_form(client: Client, version: ModelVersion, query: str) -> None:
    response = client.get(f"/?{query}")
    assert response.status_code in (200, 422)
    assert b'class="frame waiting"' in response.content


def test_numbers_that_cannot_be_are_told_in_the_studio_s_address_too(client: Client, version: ModelVersion) -> None:
    response = client.get("/?cluster=99&seed=-1")
    assert response.status_code == 422
    assert b'id="cluster-error"' in response.content and b'id="seed-error"' in response.content
