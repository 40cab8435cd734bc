"""What holds for every page: it is compressed, says where one is, and has an icon."""

import gzip
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image

from accounts.models import User
from galaxies.models import ModelVersion
from galaxies.tests.factories import make_galaxy

GZIP = {"accept-encoding": "gzip"}


def test_pages_are_compressed_and_images_and_zips_are_not(client: Client, version: ModelVersion) -> None:
    response = client.get("/", headers=GZIP)
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    assert len(response.content) < len(gzip.decompress(response.content)) / 2
    assert "Content-Encoding" not in client.get(f"/families/{version}/0/0.webp", headers=GZIP)
    person = User.objects.create(username="ada", email="ada@example.org")
    client.force_login(person)
    data = client.get("/me/data.zip", headers=GZIP)
    assert "Content-Encoding" not in data
    assert ZipFile(BytesIO(data.getvalue())).namelist()


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "Studio"), ("/galaxies/", "Gallery"), ("/model/", "Model"), ("/about/", "How it works"), ("/me/", "Yours")],
)
def test_the_navigation_says_which_page_this_is(client: Client, version: ModelVersion, path: str, name: str) -> None:
    client.force_login(User.objects.create(username="ada", email="ada@example.org"))
    page = client.get(path).content.decode()
    assert f'<a href="{path}" aria-current="page">{name}</a>' in page
    navigation = page[page.index('<nav aria-label="Site">') : page.index("</nav>")]
    assert navigation.count("aria-current") == 1


def test_a_galaxy_s_page_is_none_of_the_navigation_s(client: Client, version: ModelVersion) -> None:
    page = client.get(make_galaxy(model_version=version).get_absolute_url()).content.decode()
    assert "aria-current" not in page[page.index('<nav aria-label="Site">') : page.index("</nav>")]


def test_the_icon_is_where_browsers_look_for_it(client: Client) -> None:
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    found = finders.find(response["Location"].removeprefix("/static/"))
    assert Image.open(str(found)).info["sizes"] == {(16, 16), (32, 32), (48, 48)}


def test_who_may_not_see_a_page_is_told_as_whom_and_can_log_in_as_somebody_else(client: Client, db: None) -> None:
    client.force_login(User.objects.create(username="ada", email="ada@example.org"))
    response = client.get("/dashboard/history/")
    page = response.content.decode()
    assert response.status_code == 403
    assert "You are logged in as ada@example.org" in page
    assert 'href="/accounts/logout/?next=/dashboard/history/"' in page
    assert 'class="wordmark"' in page
