"""How it works, and the galaxy that the studio opens on."""

import re

import numpy as np
import pytest
from django.test import Client
from PIL import Image

from galaxies.about import POINTS, STEPS, feature_map
from galaxies.models import Galaxy, ModelVersion
from galaxies.opening import opening
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_version

pytestmark = pytest.mark.django_db


def test_the_map_has_each_family_and_a_dot_for_each_galaxy_it_says(version: ModelVersion) -> None:
    drawn = feature_map(version)
    assert [place.id for place in drawn.places] == [family["id"] for family in version.families]
    assert sum(place.dots.count("h0") for place in drawn.places) == drawn.shown == min(drawn.total, POINTS)
    assert all(0 <= place.x <= 600 and 0 <= place.y <= 400 for place in drawn.places)


def test_the_page_draws_the_map_and_leads_to_each_family(client: Client, generator: Service) -> None:
    page = client.get("/about/").content.decode()
    assert page.count('class="dots') == len(ModelVersion.objects.get().families)
    assert '<a class="place hue-0" href="/?cluster=0&amp;version=' in page
    pictures = re.findall(r'src="(/about/[^"]+)"', page)
    assert len(pictures) == len(STEPS)
    for address in (pictures[0], pictures[-1]):
        response = client.get(address)
        assert response["Content-Type"] == "image/webp"
        assert response.content.startswith(b"RIFF")
    assert client.get(pictures[0].replace("0.webp", "9.webp")).status_code == 404
    assert client.get("/about/none/0.webp").status_code == 404


def test_it_is_there_without_a_model_and_without_the_files_of_one(client: Client) -> None:
    assert "There is no model here yet" in client.get("/about/").content.decode()
    make_version(is_active=True)
    page = client.get("/about/").content.decode()
    assert "A contest between two networks" in page
    assert 'class="map"' not in page


class TestOpening:
    def test_the_studio_opens_on_an_exemplar_and_one_line_of_what_to_do(
        self, client: Client, version: ModelVersion
    ) -> None:
        page = client.get("/").content.decode()
        assert re.search(r'<div class="frame waiting">\s*<img src="/families/[^"]+/\d+/\d.webp"', page)
        assert "Press Generate" in page

    def test_what_people_like_best_comes_first(self, client: Client, version: ModelVersion) -> None:
        liked = make_galaxy(model_version=version, likes=3, score=0.4)
        make_galaxy(model_version=version, likes=1, score=0.2, seed=43)
        make_galaxy(likes=9, score=0.9, model_version=make_version("older"))
        found = opening(version)
        assert found
        assert found.galaxy == liked
        assert f'href="/g/{liked.public_id}/"' in client.get("/").content.decode()

    def test_it_is_the_galaxy_that_is_colourful_and_no_star_beside_it(self, version: ModelVersion) -> None:
        plain, coloured = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
        plain[24:40, 24:40] = (200, 170, 120)
        plain[2:8, 2:8] = (120, 170, 255)
        coloured[24:40, 24:40] = (200, 170, 120)
        coloured[28:34, 28:34] = (120, 150, 220)
        exemplars = {family["id"]: family["exemplars"] for family in version.families}
        files = [(cluster, number, file) for cluster, of in exemplars.items() for number, file in enumerate(of)]
        for _cluster, _number, file in files:
            Image.fromarray(plain).save(version.path / file, lossless=True)
        cluster, number, file = files[-1]
        Image.fromarray(coloured).save(version.path / file, lossless=True)
        version.checksum = "1" * 64  # the choice is kept for a checksum
        found = opening(version)
        assert found
        assert (found.family["id"], found.number) == (cluster, number)

    def test_a_version_without_files_opens_all_the_same(self, client: Client) -> None:
        make_version(is_active=True)
        assert Galaxy.objects.count() == 0
        assert client.get("/").status_code == 200
