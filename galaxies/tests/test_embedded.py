"""A picture brings its recipe: what a PNG or FITS file from here fills the studio in with."""

import io
import json
import re
import shutil
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from galaxies.models import Galaxy, ModelVersion
from galaxies.recipe import MAX_SEED
from galaxies.serving import Service


def choose(client: Client, content: bytes, name: str = "galaxy.png") -> Any:
    return client.post("/recipe", {"picture": SimpleUploadedFile(name, content)})


def query_of(response: Any) -> dict[str, str]:
    assert response.status_code == 302, response.content.decode()
    return {key: values[0] for key, values in parse_qs(urlsplit(response["Location"]).query).items()}


def error(response: Any) -> str:
    assert response.status_code == 422
    return " ".join(re.findall(r'class="error"[^>]*>([^<]+)', response.content.decode()))


def png(recipe: str | None) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    if recipe is not None:
        info.add_itxt("Recipe", recipe)
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.fixture
def galaxy(client: Client, generator: Service, version: ModelVersion) -> Galaxy:
    response = client.post("/generate", {"cluster": "1", "seed": str(MAX_SEED), "psi": "0.55"})
    return Galaxy.objects.get(public_id=response["Location"].split("/")[2])


@pytest.mark.parametrize("kind", ["png", "fits"])
def test_a_downloaded_file_fills_the_studio_in(client: Client, galaxy: Galaxy, kind: str) -> None:
    content = client.get(f"/g/{galaxy.public_id}.{kind}").content
    response = choose(client, content, f"x.{kind}")
    version = galaxy.model_version.version
    assert query_of(response) == {"version": version, "cluster": "1", "seed": str(MAX_SEED), "psi": "0.55"}
    page = client.get(response["Location"]).content.decode()
    for field in ('name="cluster" value="1" checked', f'value="{MAX_SEED}"', 'value="0.55"'):
        assert field in page


@pytest.mark.parametrize("kind", ["png", "fits"])
def test_a_variation_brings_its_whole_way_and_is_painted_again(client: Client, galaxy: Galaxy, kind: str) -> None:
    variation = client.post(f"/g/{galaxy.public_id}/vary")["Location"]
    for _ in range(4):
        variation = client.post(f"{variation}vary")["Location"]
    there = Galaxy.objects.named(variation.split("/")[2])
    opened = choose(client, client.get(f"{variation[:-1]}.{kind}").content)
    query = query_of(opened)
    assert query["seed"] == str(MAX_SEED)
    assert query["path"].count(":") == 5
    page = client.get(opened["Location"]).content.decode()
    assert f'name="path" value="{query["path"]}"' in page
    assert client.post("/generate", query)["Location"] == variation
    assert Galaxy.objects.count() == 6
    assert len(there.path) == 5


def test_a_picture_from_before_there_were_paths_is_the_same_recipe(
    client: Client, galaxy: Galaxy, version: ModelVersion
) -> None:
    old = {"version": version.version, "cluster": 1, "seed": 5, "psi": 0.8, "cluster2": 0, "seed2": 9, "mix": 0.25}
    query = query_of(choose(client, png(json.dumps(old))))
    assert (query["path"], query["shares"]) == ("9:0.25", "1:0.75,0:0.25")


def test_an_older_version_is_generated_with(client: Client, galaxy: Galaxy, version: ModelVersion) -> None:
    shutil.copytree(version.path, version.path.with_name("older"))
    other = ModelVersion.objects.get(pk=version.pk)
    other.pk, other.version, other.is_active = None, "older", False
    other.save()
    page = client.get("/?version=older&cluster=1&seed=5&psi=0.8").content.decode()
    assert '<input type="hidden" name="version" value="older">' in page
    assert "These are the families of model older" in page
    assert f'<input type="hidden" name="version" value="{version}">' in client.get("/").content.decode()


def test_a_version_that_is_not_here_is_told(client: Client, version: ModelVersion) -> None:
    for name in ("gone", "../x", "a%00b"):
        response = client.get(f"/?version={name}&cluster=1&seed=5&psi=0.8")
        assert response.status_code == 200
        assert b"does not have the model of that recipe" in response.content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(None), "8 x 8 is smaller than 64 px"),
        (b"RIFF____WEBPVP8 ", "use JPEG, PNG, WebP or FITS"),
        (b"\x89PNG\r\n\x1a\n cut", "This picture is damaged"),
        (b"SIMPLE  =                    T", "damaged|no readable FITS"),
        (b"", "This file is empty"),
        (png("no json"), "damaged"),
        (png("[" * 100_000), "damaged"),
        (png("[1]"), "cannot be read"),
        (png('{"version": "v", "cluster": true, "seed": 1, "psi": 0.8}'), "cannot be read"),
        (png('{"version": "v", "cluster": 1, "seed": 1e99, "psi": 0.8}'), "cannot be read"),
        (png('{"version": "v", "cluster": 1, "seed": 1, "psi": NaN}'), "cannot be read"),
        (png('{"version": "v", "cluster": 1, "seed": 1, "psi": 0.8, "mix": 0.5}'), "cannot be read"),
        (png('{"version": "v", "cluster": 1, "seed": 1, "psi": 0.8, "path": 7}'), "Write a path as"),
        (png('{"version": "v", "cluster": 1, "seed": 1, "psi": 0.8, "path": [["x"]]}'), "Write a path as"),
        (png('{"version": "../v", "cluster": 1, "seed": 1, "psi": 0.8}'), "cannot be read"),
    ],
)
def test_a_file_without_a_recipe_is_a_sentence(
    client: Client, version: ModelVersion, content: bytes, sentence: str
) -> None:
    assert re.search(sentence, error(choose(client, content)))


def test_no_file_is_a_sentence(client: Client, version: ModelVersion) -> None:
    assert "Choose a picture first" in error(client.post("/recipe"))
