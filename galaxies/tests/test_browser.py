"""The main path in a real browser: with htmx, by keyboard, and with JavaScript off."""

import re
from itertools import combinations
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from galaxies.generation import generate
from galaxies.listing import PAGE_SIZE
from galaxies.measured import STEERED
from galaxies.models import Galaxy, ModelVersion, PreferenceModel, Vote
from galaxies.serving import Service

PASSWORD = "a-quiet-night-sky"


def test_generate_regenerate_vary_and_download(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    page.goto(live_server.url)
    family = page.locator("#ask input[name=cluster]").nth(2)
    family.check(force=True)
    page.get_by_role("button", name="Generate", exact=True).click()
    card = page.locator("[data-galaxy-id]")
    expect(card).to_be_visible()
    first = card.get_attribute("data-galaxy-id")
    assert page.evaluate("document.querySelector('.card img').decode().then(() => true)")
    assert page.evaluate("document.querySelector('.card img').clientWidth") == 512
    expect(page.locator("#message")).to_contain_text("A new galaxy")
    expect(page).to_have_url(re.compile(r"/\?version=[^&]+&cluster=\d+&seed=\d+&psi=0\.8$"))

    page.get_by_role("button", name="Regenerate").press("Enter")
    expect(card).not_to_have_attribute("data-galaxy-id", first or "")
    second = card.get_attribute("data-galaxy-id")
    expect(page.get_by_role("button", name="Regenerate")).to_be_focused()

    page.get_by_role("button", name="Variations").click()
    expect(page.locator(".several .tile")).to_have_count(9)
    assert page.locator(".several .tile").first.get_attribute("data-galaxy-id") == second
    page.locator(".several .picture").nth(4).click()
    expect(card).to_have_count(1)
    expect(card).to_contain_text("variation")

    with page.expect_download() as download:
        page.get_by_role("link", name="PNG").click()
    assert download.value.suggested_filename == f"nebulai-{card.get_attribute('data-galaxy-id')}.png"
    assert Galaxy.objects.count() == 10
    assert set(Galaxy.objects.values_list("cluster", flat=True)) == {int(family.get_attribute("value") or -1)}


def test_a_mistake_is_shown_at_its_field_and_mended(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    page.goto(live_server.url)
    page.get_by_label("Seed").fill("many")
    page.get_by_label("Seed").press("Enter")
    expect(page.locator("#seed-error")).to_be_visible()
    expect(page.get_by_label("Seed")).to_be_focused()
    expect(page.get_by_label("Seed")).to_have_value("many")
    page.get_by_label("Seed").fill("42")
    page.get_by_label("Seed").press("Enter")
    expect(page.locator("[data-galaxy-id]")).to_contain_text("42")
    expect(page.locator("#seed-error")).to_have_count(0)


def test_reload_and_back_bring_the_galaxy_and_its_recipe_again(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    page.goto(live_server.url)
    card, generate = page.locator("[data-galaxy-id]"), page.get_by_role("button", name="Generate", exact=True)
    made: list[str] = []
    for seed in ("7", "8"):
        page.get_by_label("Seed").fill(seed)
        generate.click()
        expect(page).to_have_url(re.compile(f"seed={seed}&"))
        expect(card).to_contain_text(seed)
        made.append(card.get_attribute("data-galaxy-id") or "")
    page.get_by_role("button", name="Variations").click()
    expect(page.locator(".several .tile")).to_have_count(9)
    page.reload()
    expect(page.locator(".several .tile")).to_have_count(9)
    page.locator(".several .picture").nth(2).click()
    expect(page.locator("article.card")).to_contain_text("variation")
    variation = card.get_attribute("data-galaxy-id") or ""
    page.reload()
    expect(card).to_have_attribute("data-galaxy-id", variation)
    page.go_back()
    expect(page.locator(".several .tile")).to_have_count(9)
    card = page.locator("article.card")
    for expected, seed in zip(reversed(made), ("8", "7"), strict=True):
        page.go_back()
        expect(card).to_have_attribute("data-galaxy-id", expected)
        expect(page.get_by_label("Seed")).to_have_value(seed)
        page.wait_for_timeout(500)  # htmx is still settling the page before; nobody presses Back again as soon
    page.go_back()
    expect(page.locator(".frame.waiting")).to_be_visible()
    expect(page.get_by_label("Seed")).to_have_value("")
    page.go_forward()
    expect(card).to_have_attribute("data-galaxy-id", made[0])
    assert Galaxy.objects.count() == 10


def test_a_limit_is_a_message_and_the_galaxy_stays(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page, settings: Settings
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"generate": "1/m/ip"}
    cache.clear()
    page.goto(live_server.url)
    generate = page.get_by_role("button", name="Generate", exact=True)
    generate.click()
    expect(page.locator("[data-galaxy-id]")).to_be_visible()
    generate.click()
    expect(page.locator("#message #problem")).to_contain_text("A little slower")
    expect(page.locator("[data-galaxy-id]")).to_be_visible()


def test_by_keyboard_alone(transactional_db: None, generator: Service, live_server: LiveServer, page: Page) -> None:
    page.goto(live_server.url)
    page.locator("input[name=cluster]").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("input[name=cluster]").nth(1)).to_be_checked()
    page.get_by_label("Variety").press("ArrowRight")
    expect(page.locator("#psi-value")).to_have_text("0.81")
    page.get_by_role("button", name="Generate", exact=True).press("Space")
    expect(page.locator("[data-galaxy-id]")).to_contain_text("0.81")


# Whether the button is in the window with nothing over it, and the same of all corners of the family in focus
IN_REACH = """() => {
  const shown = (element, [x, y]) => element.contains(document.elementFromPoint(x, y));
  const button = document.querySelector("#generate"), family = document.activeElement.closest(".family");
  const of = button.getBoundingClientRect(), at = family.getBoundingClientRect();
  const centre = [of.left + of.width / 2, of.top + of.height / 2];
  const corners = [at.left + 8, at.right - 8].flatMap((x) => [at.top + 8, at.bottom - 8].map((y) => [x, y]));
  return [shown(button, centre), corners.every((corner) => shown(family, corner))];
}"""


@pytest.mark.parametrize("size", [(375, 667), (768, 900), (1024, 700), (1440, 800)], ids=lambda size: f"{size[0]}")
def test_the_controls_stay_in_reach_and_cover_no_family(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page, size: tuple[int, int]
) -> None:
    version = ModelVersion.objects.get()
    version.steering = {name: {"unit": "", "mean": 1.0, "deviation": 2.0, "r2": 0.5, "slope": 0.9} for name in STEERED}
    version.families = [{**family, "id": n} for n, family in enumerate(version.families * 4)]
    version.save()
    PreferenceModel.objects.create(
        encoder_checksum=version.encoder_checksum, n_votes=200, n_galaxies=200, auc=0.7, coefficients=[], intercept=0.0
    )
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(live_server.url)
    expect(page.get_by_text("Crowd's pick")).to_have_count(1)
    families = page.locator("#ask input[name=cluster]")
    assert families.count() > 8
    for number in range(families.count()):
        families.nth(number).focus()
        assert page.evaluate(IN_REACH) == [True, True], number


# Left, right, top and bottom of each link
PLACES = """(links) => links.map((link) => link.getBoundingClientRect())
  .map((at) => [at.left, at.right, at.top, at.bottom])"""


@pytest.mark.parametrize("language", ["en", "fr"])
def test_on_a_phone_the_rooms_are_one_row_and_no_link_lies_on_another(
    transactional_db: None, live_server: LiveServer, browser: Browser, client: Client, language: str
) -> None:
    with browser.new_context(viewport={"width": 375, "height": 667}, locale=language) as context:
        page = context.new_page()
        for is_staff in (False, True):
            if is_staff:
                client.force_login(User.objects.create_user("ada", "ada@example.org", PASSWORD, is_staff=True))
                session = client.cookies["sessionid"].value
                context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
            page.goto(f"{live_server.url}/accounts/password/reset/")
            assert page.evaluate("document.documentElement.lang") == language
            expect(page.locator("header.site .visitor a")).to_have_count(2 if is_staff else 1)
            rooms = page.locator("header.site nav > a").evaluate_all(PLACES)
            assert len(rooms) == 4
            assert len({top for _left, _right, top, _bottom in rooms}) == 1
            for one, other in combinations(page.locator("header.site a").evaluate_all(PLACES), 2):
                assert one[1] <= other[0] or other[1] <= one[0] or one[3] <= other[2] or other[3] <= one[2]


@pytest.mark.parametrize("width", [375, 1440])
def test_nothing_is_wider_than_the_window(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(live_server.url)
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.locator("[data-galaxy-id]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_vote_swaps_the_bar_alone_and_keeps_the_focus(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    person = User.objects.create_user("ada", "ada@example.org", PASSWORD)
    log_in(live_server.url, page, person)
    page.goto(live_server.url)
    page.get_by_role("button", name="Generate", exact=True).click()
    card = page.locator("[data-galaxy-id]")
    galaxy = card.get_attribute("data-galaxy-id")
    like = page.get_by_role("button", name="Like", exact=False).first
    like.dblclick()
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like).to_contain_text("Like 1")
    expect(like).to_be_focused()
    assert card.get_attribute("data-galaxy-id") == galaxy
    page.get_by_role("button", name="Dislike").click()
    expect(page.get_by_role("button", name="Dislike")).to_contain_text("Dislike 1")
    expect(like).to_contain_text("Like 0")
    assert list(Vote.objects.values_list("person", "value")) == [(person.pk, "dislike")]


def test_what_was_swapped_in_answers_at_once(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    log_in(live_server.url, page, User.objects.create_user("ada", "ada@example.org", PASSWORD))
    page.goto(live_server.url)
    page.evaluate(
        """addEventListener("htmx:afterSwap", () => setTimeout(() => document.querySelector("[value=like]").click()),
        {once: true})"""
    )
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(page.get_by_role("button", name="Like").first).to_contain_text("Like 1")
    expect(page).to_have_url(re.compile(r"/\?version="))  # no form was sent by the browser itself


def test_a_visitor_who_likes_logs_in_and_comes_back_with_the_vote_cast(
    transactional_db: None, generator: Service, live_server: LiveServer, page: Page
) -> None:
    person = User.objects.create_user("ada", "ada@example.org", PASSWORD)
    page.goto(live_server.url)
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("button", name="Like", exact=False).first.click()
    page.wait_for_url("**/accounts/login/**")
    log_in(live_server.url, page, person)
    galaxy = Galaxy.objects.get()
    expect(page).to_have_url(live_server.url + galaxy.get_absolute_url())
    expect(page.get_by_role("button", name="Like", exact=False).first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#message")).to_contain_text("You like this galaxy")
    assert (galaxy.creator, galaxy.votes.get().person) == (person, person)


def test_more_galaxies_follow_on_the_same_page_and_are_selected_for_one_zip(
    transactional_db: None, generator: Service, version: ModelVersion, live_server: LiveServer, page: Page
) -> None:
    for seed in range(PAGE_SIZE + 2):
        Galaxy.objects.filter(pk=generate(version, cluster=0, seed=seed, psi=0.8).pk).update(published=True)
    page.goto(live_server.url + "/galaxies/")
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(PAGE_SIZE)
    expect(page.get_by_role("button", name="Download zip")).to_be_hidden()
    page.get_by_role("link", name="More galaxies").click()
    expect(tiles).to_have_count(PAGE_SIZE + 2)
    expect(page.get_by_role("link", name="More galaxies")).to_have_count(0)
    tiles.first.get_by_role("checkbox").check()
    tiles.last.get_by_role("checkbox").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download zip").click()
    assert len(ZipFile(download.value.path()).namelist()) == 3


def log_in(site: str, page: Page, person: User) -> None:
    if "/accounts/login/" not in page.url:
        page.goto(site + "/accounts/login/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def test_without_javascript(
    transactional_db: None, generator: Service, live_server: LiveServer, browser: Browser
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(live_server.url)
        page.get_by_label("Seed").fill("many")
        page.get_by_role("button", name="Generate", exact=True).click()
        expect(page.locator("#seed-error")).to_be_visible()
        page.get_by_label("Seed").fill("42")
        page.get_by_role("button", name="Generate", exact=True).click()
        expect(page).to_have_url(re.compile(r"/g/\w{11}/$"))
        expect(page.locator("[data-galaxy-id]")).to_contain_text("42")
        first = page.url
        page.get_by_role("button", name="Regenerate").click()
        expect(page).not_to_have_url(first)
        page.get_by_role("button", name="Variations").click()
        expect(page.locator(".several .tile")).to_have_count(9)
        page.get_by_role("button", name="Go on from here").first.click()
        expect(page.locator(".several .tile")).to_have_count(9)
        page.locator(".several .picture").nth(1).click()
        expect(page.locator("article[data-galaxy-id]")).to_contain_text("2 steps from the seed")
        expect(page.get_by_role("button", name="Copy link")).to_be_hidden()


def test_a_picture_that_is_chosen_or_dropped_opens_with_its_recipe(
    transactional_db: None, generator: Service, version: ModelVersion, live_server: LiveServer, page: Page
) -> None:
    galaxy = generate(version, cluster=1, seed=4711, psi=0.6)
    picture = page.request.get(f"{live_server.url}/g/{galaxy.public_id}.png").body()
    page.goto(live_server.url)
    page.locator("#picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": picture})
    expect(page).to_have_url(re.compile("seed=4711"))
    expect(page.locator("#seed")).to_have_value("4711")
    expect(page.locator("#psi")).to_have_value("0.6")
    expect(page.locator('input[name=cluster][value="1"]')).to_be_checked()

    page.goto(live_server.url)
    dropped = page.evaluate_handle(
        """bytes => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "x.png", { type: "image/png" })); return data; }""",
        list(picture),
    )
    page.dispatch_event("#ask", "drop", {"dataTransfer": dropped})
    expect(page).to_have_url(re.compile("seed=4711"))

    page.locator("#picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"no"})
    expect(page.locator(".open-picture .error")).to_contain_text("no picture that can be read")
