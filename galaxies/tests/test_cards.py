"""The cards of shared links: what they show, and which pages name them."""

import re
from io import BytesIO

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from galaxies.images import webp
from galaxies.ml.data.synthetic import dataset
from galaxies.models import Galaxy, ModelVersion
from galaxies.tests.factories import make_galaxy, make_version

pytestmark = pytest.mark.django_db


def make_pictured(version: ModelVersion, **values: object) -> Galaxy:
    galaxy = make_galaxy(model_version=version, published=True, **values)
    galaxy.image.save("", ContentFile(webp(dataset(1, 64, seed=galaxy.seed).images[0])))
    return galaxy


def card_at(client: Client, page: str) -> Image.Image:
    """The card that a page names, as whoever shares it would fetch it."""
    tags = dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)"', client.get(page).content.decode()))
    assert tags["twitter:card"] == "summary_large_image"
    assert tags["og:url"] == f"http://testserver{page}"
    assert tags["og:title"] and tags["og:description"] and tags["og:image:alt"]
    response = client.get(tags["og:image"].removeprefix("http://testserver"))
    assert response["Content-Type"] == "image/jpeg"
    card = Image.open(BytesIO(response.content))
    assert card.size == (int(tags["og:image:width"]), int(tags["og:image:height"])) == (1200, 630)
    return card


def light(card: Image.Image, box: tuple[int, int, int, int]) -> float:
    return float(np.asarray(card.convert("L").crop(box)).max())


def test_a_galaxy_s_card_has_its_picture_and_its_words(client: Client) -> None:
    galaxy = make_pictured(make_version(is_active=True))
    card = card_at(client, galaxy.get_absolute_url())
    assert light(card, (200, 200, 430, 430)) > 100
    assert light(card, (640, 40, 1190, 320)) > 200
    assert client.get("/g/aaaaaaaaaaa/card.jpg").status_code == 404


def test_long_names_stay_on_the_card(client: Client) -> None:
    name = "Extraordinarily faint low surface brightness irregular companions of spirals"
    families: list[dict[str, object]] = [
        {"id": each, "name": name, "sentence": "", "share": 0.5, "exemplars": []} for each in (0, 1)
    ]
    galaxy = make_pictured(make_version(is_active=True, families=families))
    card = card_at(client, galaxy.get_absolute_url())
    assert light(card, (1160, 0, 1200, 630)) < 40


def test_the_gallery_and_the_start_page_have_cards_with_and_without_galaxies(client: Client) -> None:
    version = make_version(is_active=True)
    for page in ("/", "/galaxies/"):
        assert light(card_at(client, page), (0, 0, 600, 630)) < 30
    for seed in range(5):
        make_pictured(version, seed=seed, score=0.1 * seed, likes=seed)
    assert light(card_at(client, "/galaxies/"), (330, 330, 600, 600)) > 100


def test_the_start_page_s_card_shows_an_exemplar(client: Client, version: ModelVersion) -> None:
    assert light(card_at(client, "/"), (200, 200, 430, 430)) > 60
