"""Larger pictures: what is shown on the stage, and what is downloaded at 512 and 1024 px."""

import json
from io import BytesIO

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from galaxies.images import webp
from galaxies.larger import enlarged
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy

pytestmark = pytest.mark.django_db


@pytest.fixture
def galaxy(version: ModelVersion, generator: Service) -> Galaxy:
    """A galaxy of the tiny bundle with its file."""
    made = make_galaxy(model_version=version)
    made.image.save("", ContentFile(webp(generator.sample(made.recipe))))
    return made


@pytest.mark.parametrize("side", [512, 1024])
def test_a_png_has_the_pixels_of_lanczos_filter_and_the_recipe(
    client: Client, generator: Service, galaxy: Galaxy, side: int
) -> None:
    response = client.get(f"/g/{galaxy.public_id}/{side}.png")
    with Image.open(BytesIO(response.content)) as picture:
        expected = Image.fromarray(generator.sample(galaxy.recipe)).resize((side, side), Image.Resampling.LANCZOS)
        assert np.array_equal(np.asarray(picture), np.asarray(expected))
        assert json.loads(picture.info["Recipe"])["seed"] == galaxy.seed
    assert response["Content-Disposition"] == f'inline; filename="nebulai-{galaxy.public_id}-{side}.png"'


def test_the_card_shows_it_for_one_and_for_two_device_pixels(client: Client, galaxy: Galaxy) -> None:
    page = client.get(galaxy.get_absolute_url()).content.decode()
    one, two = f"/g/{galaxy.public_id}/512.webp", f"/g/{galaxy.public_id}/1024.webp"
    assert f'src="{one}" srcset="{two} 2x"' in page
    for side in (512, 1024):
        assert f'href="/g/{galaxy.public_id}/{side}.png" download' in page
        with Image.open(BytesIO(client.get(f"/g/{galaxy.public_id}/{side}.webp").content)) as picture:
            assert picture.size == (side, side)


def test_other_sizes_and_kinds_are_404(client: Client, galaxy: Galaxy) -> None:
    for name in ("256.webp", "100000.png", "512.fits", "0.png"):
        assert client.get(f"/g/{galaxy.public_id}/{name}").status_code == 404
    assert client.get("/g/aaaaaaaaaaa/512.png").status_code == 404


def test_an_even_surface_stays_even() -> None:
    assert (enlarged(np.full((64, 64, 3), 77, np.uint8), 512) == 77).all()
