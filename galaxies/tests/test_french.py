"""Pages in French: their numbers have commas for people, and points where a machine reads them."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy
from galaxies.votes import toggle_vote

pytestmark = pytest.mark.django_db
FRENCH = {"accept-language": "fr"}
# What a browser computes with: places in drawings, values of fields, addresses, what scripts and htmx read
COMPUTED = re.compile(
    r"\s(x|y|x1|x2|y1|y2|cx|cy|r|dx|dy|width|height|viewBox|value|max|min|step|href|src|action|stroke-dasharray"
    r'|hx-[a-z]+|data-[a-z-]+)="([^"]*)"'
)
POINTS = re.compile(r'\spoints="([^"]*)"')
POINT = r"-?\d+(?:\.\d+)?,-?\d+(?:\.\d+)?"


def read(client: Client, address: str) -> str:
    answer = client.get(address, headers=FRENCH)
    assert answer.status_code == 200, address
    page = answer.content.decode()
    assert '<html lang="fr">' in page
    return page


@pytest.fixture
def galaxy(measured: ModelVersion) -> Galaxy:
    return make_galaxy(model_version=measured, psi=0.85)


def test_places_fields_and_addresses_keep_the_decimal_point(client: Client, galaxy: Galaxy, loaded: Service) -> None:
    staff = User.objects.create_user("staff", "staff@example.com", "secret", is_staff=True)
    toggle_vote(staff, galaxy.public_id, "like")
    client.force_login(staff)
    names = tuple(
        f"galaxies:{name}" for name in ("gallery", "scatter", "model", "about", "me", "collections", "upload")
    )
    staff_names = ("overview", "history", "models", "preferences", "training")
    for address in (
        f"{reverse('galaxies:studio')}?psi=0.85",
        galaxy.get_absolute_url(),
        reverse("galaxies:measured", args=[galaxy.public_id]),
        *(reverse(name) for name in names),
        *(reverse(f"dashboard:{name}") for name in staff_names),
    ):
        page = read(client, address)
        for name, value in COMPUTED.findall(page):
            assert not re.search(r"\d,\d|\d\xa0\d", value), (address, name, value)
        for points in POINTS.findall(page):
            assert re.fullmatch(rf"{POINT}(?: {POINT})*", points.strip()), (address, points)


def test_people_read_the_comma(client: Client, galaxy: Galaxy) -> None:
    assert "<dd>0,85</dd>" in read(client, galaxy.get_absolute_url())
    page = read(client, f"{reverse('galaxies:studio')}?psi=0.85")
    assert ">0,85</output>" in page
    assert re.search(r'name="psi"[^>]* min="0.3" max="1.2" step="0.01" value="0.85"', page)
    assert re.search(r"1\xa0\d{3} images", read(client, reverse("galaxies:model")))


def test_what_a_french_page_sends_is_understood(client: Client, galaxy: Galaxy, generator: Service) -> None:
    page = read(client, galaxy.get_absolute_url())
    form = re.findall(rf'<form[^>]*action="{reverse("galaxies:generate")}".*?</form>', page, re.DOTALL)[0]
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    sent.pop("csrfmiddlewaretoken", None)
    answer = client.post(reverse("galaxies:generate"), sent, headers=FRENCH)
    assert answer.status_code == 302
    assert Galaxy.objects.order_by("pk").last().psi == 0.85  # type: ignore[union-attr]


def test_a_field_s_error_is_in_french_and_keeps_what_was_typed(client: Client, version: ModelVersion) -> None:
    answer = client.post(reverse("galaxies:generate"), {"seed": "-1", "psi": "0,85"}, headers=FRENCH)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Indiquez un nombre de 0,3 à 1,2." in page
    assert 'value="-1"' in page


def test_files_are_the_same_in_all_languages(client: Client, galaxy: Galaxy, generator: Service) -> None:
    for kind in ("png", "fits"):
        address = reverse("galaxies:image", args=[galaxy.public_id, kind])
        english, french = client.get(address), client.get(address, headers=FRENCH)
        assert english.content == french.content
        assert "Accept-Language" not in french.get("Vary", "")
    staff = User.objects.create_user("staff", "staff@example.com", "secret", is_staff=True)
    client.force_login(staff)
    tables = [client.get(reverse("dashboard:history_csv"), headers=headers) for headers in (None, FRENCH)]
    english_table, french_table = (b"".join(table.streaming_content) for table in tables)  # type: ignore[attr-defined]
    assert english_table == french_table
    assert galaxy.model_version.family(galaxy.cluster)["name"] in french_table.decode()
