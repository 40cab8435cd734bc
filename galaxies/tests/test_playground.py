"""What only a script can do: shortcuts, the film of a visit, a walk with its progress, a blend where one is."""

import io
import re

import pytest
from django.contrib.auth.hashers import make_password
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from galaxies.models import Galaxy, Vote
from galaxies.serving import Service
from galaxies.views.studio import FILM

PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def studio(transactional_db: None, generator: Service, live_server: LiveServer, page: Page) -> Page:
    """The studio, with nothing made in this visit."""
    page.goto(live_server.url)
    return page


def shown(page: Page) -> str:
    return page.locator("#result [data-galaxy-id]").first.get_attribute("data-galaxy-id") or ""


def generate(page: Page, seed: int) -> str:
    before = shown(page) if page.locator("#result [data-galaxy-id]").count() else ""
    page.get_by_label("Seed").fill(str(seed))
    page.locator("#generate").click()
    expect(page.locator(f"article.card:not([data-galaxy-id='{before}'])")).to_be_visible()
    return shown(page)


def test_keys_generate_regenerate_vary_save_and_blend(studio: Page) -> None:
    studio.keyboard.press("g")
    card = studio.locator("article.card")
    expect(card).to_be_visible()
    first = shown(studio)
    studio.keyboard.press("r")
    expect(card).not_to_have_attribute("data-galaxy-id", first)
    with studio.expect_download() as download:
        studio.keyboard.press("s")
    assert download.value.suggested_filename == f"nebulai-{shown(studio)}.png"
    studio.keyboard.press("b")
    expect(studio.locator("#blend-b")).to_be_focused()
    studio.keyboard.type(first)
    studio.keyboard.press("Enter")
    tiles = studio.locator(".several .tile")
    expect(tiles).to_have_count(9)
    assert tiles.last.get_attribute("data-galaxy-id") == first
    studio.locator(".several .picture").nth(4).click()
    expect(card).to_be_visible()
    studio.keyboard.press("V")
    expect(studio.locator(".several h2")).to_have_text("Around this galaxy")


def test_no_key_does_anything_while_one_types(studio: Page) -> None:
    studio.get_by_label("Seed").focus()
    studio.keyboard.type("grvldsb?")
    expect(studio.get_by_label("Seed")).to_have_value("grvldsb?")
    studio.locator("#generate").focus()
    studio.keyboard.press("Control+g")
    expect(studio.locator("#keys")).to_be_hidden()
    assert not Galaxy.objects.exists()


def test_a_question_mark_shows_the_keys_and_escape_closes_them(studio: Page) -> None:
    studio.keyboard.press("?")
    expect(studio.get_by_role("dialog", name="Shortcuts")).to_be_visible()
    studio.keyboard.press("g")
    studio.keyboard.press("Escape")
    expect(studio.locator("#keys")).to_be_hidden()
    assert not Galaxy.objects.exists()


def test_l_and_d_vote_for_the_galaxy_that_has_the_focus(studio: Page, live_server: LiveServer) -> None:
    User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
    studio.goto(live_server.url + "/accounts/login/")
    studio.get_by_label("Email").fill("ada@example.org")
    studio.get_by_label("Password").fill(PASSWORD)
    studio.get_by_role("main").get_by_role("button", name="Log in").click()
    studio.wait_for_url(lambda url: "/accounts/" not in url)
    studio.goto(live_server.url)
    studio.select_option("#count", "4")
    studio.locator("#generate").click()
    expect(studio.locator(".several .tile")).to_have_count(4)
    third = studio.locator(".several .tile").nth(2)
    third.locator("a.picture").focus()
    studio.keyboard.press("l")
    expect(third.locator("button[value=like]")).to_have_attribute("aria-pressed", "true")
    studio.wait_for_function("!document.querySelector('.htmx-added, .htmx-settling, .htmx-request')")
    studio.keyboard.press("d")
    expect(third.locator("button[value=dislike]")).to_have_attribute("aria-pressed", "true")
    assert [vote.galaxy.public_id for vote in Vote.objects.all()] == [third.get_attribute("data-galaxy-id")]


def test_arrows_walk_the_film_and_each_restores_image_and_recipe(studio: Page) -> None:
    one, two, three = (generate(studio, seed) for seed in (11, 22, 33))
    film = studio.locator("[data-film]")
    assert [each.get_attribute("data-film") for each in film.all()] == [three, two, one]
    for key, expected, seed in (("ArrowRight", two, "22"), ("ArrowRight", one, "11"), ("ArrowLeft", two, "22")):
        studio.keyboard.press(key)
        expect(studio.locator("article.card")).to_have_attribute("data-galaxy-id", expected)
        expect(studio.get_by_label("Seed")).to_have_value(seed)
    studio.reload()
    assert shown(studio) == two
    studio.set_viewport_size({"width": 375, "height": 667})
    film.first.scroll_into_view_if_needed()
    film.first.click()
    expect(studio.locator("article.card")).to_have_attribute("data-galaxy-id", three)
    expect(studio).to_have_url(re.compile("seed=33"))
    expect(studio.locator("#result")).to_be_focused()
    expect(studio.locator("#result img").first).to_be_in_viewport()


def test_the_film_grows_picture_by_picture_and_is_as_after_a_reload(studio: Page) -> None:
    def film() -> list[str | None]:
        assert studio.locator("#film-ids option").count() == studio.locator("[data-film]").count()
        return [each.get_attribute("data-film") for each in studio.locator("[data-film]").all()]

    current = studio.locator("#film [aria-current]")
    expect(studio.locator("#film")).to_be_hidden()
    studio.locator("input[name=cluster][value='1']").check()
    one, two, three = (generate(studio, seed) for seed in (11, 22, 33))
    assert generate(studio, 11) == one
    assert film() == [one, three, two]
    expect(current).to_have_attribute("data-film", one)
    studio.select_option("#count", "9")
    for start in (40, 50, 60):
        studio.get_by_label("Seed").fill(str(start))
        studio.locator("#generate").click()
        expect(studio.locator(".several img").first).to_have_attribute("alt", re.compile(f"{start}$"))
    expect(current).to_have_count(0)
    grown = film()
    assert len(grown) == FILM
    studio.locator(".several .picture").first.click()
    expect(current).to_have_attribute("data-film", shown(studio))
    studio.reload()
    assert film() == grown


def test_the_radius_says_its_number_and_others_lie_so_far(studio: Page) -> None:
    generate(studio, 5)
    studio.locator("#variation").click()
    radius = studio.locator("#radius")
    radius.focus()
    radius.press("ArrowRight")
    expect(studio.locator("output[for=radius]")).to_have_text("0.3")
    neighbour = studio.locator(".several .tile").nth(1)
    before = neighbour.get_attribute("data-galaxy-id") or ""
    studio.get_by_role("button", name="Others around it").click()
    expect(neighbour).not_to_have_attribute("data-galaxy-id", before)
    expect(studio.locator("#radius")).to_have_value("0.3")
    assert {galaxy.path[0][1] for galaxy in Galaxy.objects.order_by("-pk")[:8]} == {0.3}


def test_a_blend_that_cannot_be_says_so_beside_its_field(studio: Page) -> None:
    first = generate(studio, 5)
    studio.keyboard.press("b")
    studio.keyboard.type("nowhere")
    studio.keyboard.press("Enter")
    expect(studio.locator("#b-error")).to_contain_text("Give the id")
    expect(studio.locator("#blend-b")).to_have_value("nowhere")
    expect(studio.locator("#blend-a")).to_have_value(first)
    assert shown(studio) == first
    studio.locator("#blend-b").fill("77")
    studio.get_by_role("button", name="Blend them").click()
    expect(studio.locator(".several .tile")).to_have_count(9)


def test_a_walk_is_taken_home_while_a_bar_moves(studio: Page) -> None:
    generate(studio, 5)
    studio.keyboard.press("b")
    studio.keyboard.type("77")
    studio.keyboard.press("Enter")
    link = studio.get_by_role("link", name="The walk as WebP")
    expect(link).to_be_visible()
    with studio.expect_download() as download:
        link.click()
    assert re.fullmatch(r"nebulai-walk-\w{11}-\w{11}\.webp", download.value.suggested_filename)
    with Image.open(download.value.path()) as film:
        assert film.n_frames > 10  # type: ignore[attr-defined]
    expect(link).not_to_have_attribute("aria-busy", "true")
    expect(studio.locator(".several progress")).to_have_count(0)


def test_without_javascript_all_of_it_is_forms_and_links(
    transactional_db: None, generator: Service, live_server: LiveServer, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(live_server.url)
        page.select_option("#count", "4")
        page.get_by_role("button", name="Generate", exact=True).click()
        tiles = page.locator(".several .tile")
        expect(tiles).to_have_count(4)
        for number in (0, 1):
            tiles.nth(number).get_by_role("checkbox").check()
        page.get_by_role("button", name="Blend the two").click()
        expect(tiles).to_have_count(9)
        walk = page.get_by_role("link", name="The walk as GIF").get_attribute("href") or ""
        answer = page.request.get(live_server.url + walk)
        assert Image.open(io.BytesIO(answer.body())).format == "GIF"
        page.locator(".several .picture").nth(4).click()
        page.get_by_role("button", name="All families").click()
        expect(page.locator(".several h2")).to_have_text("One latent through all families")
        expect(page.locator("[data-film]")).to_have_count(Galaxy.objects.count())
        page.locator("[data-film]").last.click()
        expect(page.locator("article.card")).to_be_visible()
