"""How it works, the quiz, an uploaded picture and collections in a real browser, with JavaScript and without."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from galaxies import likeness
from galaxies.generation import generate
from galaxies.ml.data.synthetic import dataset
from galaxies.models import Galaxy, ModelVersion, QuizRound
from galaxies.quiz import photographs
from galaxies.serving import Service
from galaxies.tests.factories import make_person

pytestmark = pytest.mark.slow


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def either(browser: Browser, request: pytest.FixtureRequest) -> Page:
    """A page with JavaScript on and off; the console of both is quiet."""
    context = browser.new_context(java_script_enabled=request.param)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    request.addfinalizer(context.close)
    request.addfinalizer(lambda: pytest.fail("\n".join(complaints)) if complaints else None)
    return page


def test_the_map_shows_what_lives_in_a_place(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    page.goto(f"{live_server.url}/about/")
    place = page.locator(".place").first
    pictures = place.locator(".shown")
    expect(pictures).to_be_hidden()
    place.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(pictures).to_be_visible()
    page.locator("h1").hover()
    page.locator("h1").click()
    expect(pictures).to_be_hidden()
    place.locator("circle").hover()
    expect(pictures).to_be_visible()


def test_ten_pictures_and_a_score(
    transactional_db: None,
    generator: Service,
    version: ModelVersion,
    settings: Settings,
    tmp_path: Path,
    live_server: LiveServer,
    either: Page,
) -> None:
    settings.QUIZ_IMAGES = tmp_path / "real"
    settings.QUIZ_IMAGES.mkdir()
    for number, pixels in enumerate(dataset(40, 64, seed=3).images):
        Image.fromarray(pixels).save(settings.QUIZ_IMAGES / f"{number}.png")
    photographs.photographs(version)
    with photographs._reading:
        pass
    either.goto(f"{live_server.url}/quiz/")
    either.get_by_role("button", name="Begin").click()
    for number in range(1, 11):
        expect(either.locator("#play")).to_contain_text(f"Picture {number} of 10")
        either.get_by_role("button", name="Generated").click()
    expect(either.locator("#play")).to_contain_text(re.compile(r"\d+ of 10 right"))
    assert QuizRound.objects.get().score == QuizRound.objects.get().questions.filter(is_generated=True).count()


def test_a_picture_is_uploaded_and_one_like_it_is_made(
    transactional_db: None,
    generator: Service,
    live_server: LiveServer,
    either: Page,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"SEEDS": 24, "NEIGHBOURS": 8, "ROUNDS": 2, "TRIES": 8}.items():
        monkeypatch.setattr(likeness, name, value)
    buffer = BytesIO()
    Image.fromarray(dataset(1, 128, seed=5).images[0]).save(buffer, "JPEG")
    either.goto(f"{live_server.url}/upload/")
    picture = {"name": "mine.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue()}
    either.locator("#picture").set_input_files(picture)  # type: ignore[arg-type]
    if not either.url.endswith("/upload/") or either.get_by_role("button", name="Upload").is_visible():
        either.wait_for_timeout(300)  # JavaScript sends the form by itself
    if either.url.endswith("/upload/"):
        either.get_by_role("button", name="Upload").click()
    expect(either.locator("h2").nth(1)).to_contain_text("Nearest family")
    either.get_by_role("button", name="Make one like it").click()
    for _try in range(60):
        if either.get_by_text("Its page and recipe").is_visible():
            break
        if either.get_by_text("See how far it is").is_visible() and not either.evaluate("!!window.htmx"):
            either.reload()
        either.wait_for_timeout(500)
    either.get_by_role("link", name="Its page and recipe").click()
    expect(either).to_have_url(re.compile(rf"/g/{Galaxy.objects.get().public_id}/"))


def test_galaxies_are_collected_and_put_in_order(
    transactional_db: None,
    generator: Service,
    version: ModelVersion,
    live_server: LiveServer,
    either: Page,
) -> None:
    from django.conf import settings as site
    from django.test import Client

    for seed in range(3):
        Galaxy.objects.filter(pk=generate(version, cluster=0, seed=seed, psi=0.8).pk).update(published=True)
    client = Client()
    client.force_login(make_person("ada"))
    cookie = {"name": site.SESSION_COOKIE_NAME, "value": client.cookies[site.SESSION_COOKIE_NAME].value}
    either.context.add_cookies([{**cookie, "url": live_server.url}])  # type: ignore[typeddict-item]
    either.goto(f"{live_server.url}/galaxies/")
    for box in either.locator(".pick input").all():
        box.check()
    either.get_by_role("button", name="Collect").click()
    expect(either.locator("h1")).to_have_text("New collection")
    first = either.locator("[data-galaxy-id]").first.get_attribute("data-galaxy-id") or ""
    either.locator(".order").first.get_by_role("button", name="One place down").click()
    expect(either.locator("[data-galaxy-id]").nth(1)).to_have_attribute("data-galaxy-id", first)
    either.get_by_text("Name, publicity, deletion").click()
    either.get_by_label("Name").fill("Three of a kind")
    either.get_by_label("Public").check()
    either.get_by_role("button", name="Save").click()
    expect(either.locator("h1")).to_have_text("Three of a kind")
    with either.context.browser.new_page() as visitor:  # type: ignore[union-attr]
        visitor.goto(either.url)
        expect(visitor.locator("[data-galaxy-id]")).to_have_count(3)
