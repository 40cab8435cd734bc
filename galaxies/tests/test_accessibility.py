"""axe-core (axe/, under its own licence) finds nothing on any page, in both languages, on a phone and on a desk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from galaxies import collections, generation, uploads, votes
from galaxies.models import Galaxy, ModelVersion, TrainingRun
from galaxies.serving import Service
from galaxies.tests.factories import make_version

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
PUBLIC = (
    "/",
    "/g/{galaxy}/",
    "/g/{galaxy}/facts",
    "/g/{galaxy}/measured",
    "/galaxies/",
    "/galaxies/scatter",
    "/galaxies/?order=axis_ratio",
    "/model/",
    "/about/",
    "/upload/",
    "/upload/{upload}/",
    "/c/{collection}/",
    "/nowhere",
    "/galaxies/?family=other:",
    "/blend",
)
VISITOR = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
OWN = (
    "/me/",
    "/me/?show=liked",
    "/me/collections/",
    "/c/{collection}/",
    "/me/delete",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/sessions/",
    "/accounts/reauthenticate/",
    "/accounts/logout/",
)
STAFF = (
    "/dashboard/",
    "/dashboard/history/",
    "/dashboard/models/",
    "/dashboard/models/compare/?a={version}&b=other",
    "/dashboard/preferences/",
    "/dashboard/training/",
    "/dashboard/training/{run}/",
)

pytestmark = pytest.mark.slow


@pytest.fixture
def names(transactional_db: None, measured: ModelVersion, generator: Service) -> dict[str, Any]:
    """A site with something on each page, and what its addresses name."""
    person = User.objects.create(
        username="ada", email="ada@example.org", password=make_password("x"), is_staff=True, is_superuser=True
    )
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    made = [generation.generate(measured, cluster=each % 2, seed=each, psi=0.8, creator=person) for each in range(3)]
    for galaxy in made:
        votes.toggle_vote(person, galaxy.public_id, "like")
    other = make_version("other", families=measured.families, n_clusters=measured.n_clusters)
    Galaxy.objects.create(model_version=other, cluster=0, seed=1, psi=0.8, published=True, image=made[0].image)
    run = TrainingRun.objects.create(name="a-run", state="failed", message="It failed.", options={"preset": "tiny"})
    collection = collections.create(person, "Some", is_public=True)
    collections.add(collection, made)
    image = generator.sample(made[0].recipe)
    features = generator.features(measured.version, image)
    upload = uploads.Upload(measured.version, image, width=64, height=64, side=64, features=features)
    return {
        **{"galaxy": made[0].public_id, "version": measured.version, "run": run.pk, "person": person},
        **{"collection": collection.public_id, "upload": uploads.remember(upload)},
    }


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[375, 1440])
def page(browser: Browser, language: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    with browser.new_context(locale=language, viewport={"width": request.param, "height": 800}) as context:
        yield context.new_page()


def found(page: Page, address: str) -> list[str]:
    """What axe finds on a page, as its rules with the first element of each."""
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate("axe.run()")
    return [f"{address} {each['id']}: {each['nodes'][0]['html'][:200]}" for each in result["violations"]]


def test_axe_finds_nothing_on_public_pages(
    names: dict[str, Any], live_server: LiveServer, page: Page, language: str
) -> None:
    wrong = [each for path in (*PUBLIC, *VISITOR) for each in found(page, live_server.url + path.format(**names))]
    assert wrong == []
    assert page.evaluate("document.documentElement.lang") == language


def test_axe_finds_nothing_on_one_s_own_pages_and_on_those_for_staff(
    names: dict[str, Any], live_server: LiveServer, page: Page
) -> None:
    client = Client()
    client.force_login(names["person"])
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    wrong = [each for path in (*OWN, *STAFF) for each in found(page, live_server.url + path.format(**names))]
    assert wrong == []


def test_axe_finds_nothing_on_a_galaxy_in_the_studio(
    names: dict[str, Any], live_server: LiveServer, page: Page
) -> None:
    page.goto(live_server.url)
    page.locator("#generate").click()
    page.locator("[data-galaxy-id]").wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE)
    result: dict[str, Any] = page.evaluate("axe.run()")
    assert [each["id"] for each in result["violations"]] == []


def test_axe_finds_nothing_on_several_galaxies_and_the_shortcuts(
    names: dict[str, Any], live_server: LiveServer, page: Page
) -> None:
    page.goto(f"{live_server.url}/g/{names['galaxy']}/")
    page.locator("#variation").click()
    page.locator(".several").wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE)
    for keys in ("", "?"):
        if keys:
            page.keyboard.press(keys)
            page.locator("#keys[open]").wait_for()
        result: dict[str, Any] = page.evaluate("axe.run()")
        assert [each["id"] for each in result["violations"]] == []
