"""What becomes of a form that is sent: messages, waiting, trying again, going on after a login elsewhere."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client
from playwright.sync_api import Browser, FloatRect, Page, Route, expect
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from galaxies import generation
from galaxies.listing import PAGE_SIZE
from galaxies.models import Galaxy, ModelVersion, Vote
from galaxies.recipe import Recipe
from galaxies.serving import Busy, Service
from galaxies.tests.factories import make_galaxy

PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def ada(transactional_db: None) -> User:
    return User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))


def log_in(page: Page) -> None:
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/accounts/" not in url)


def overlap(one: FloatRect, other: FloatRect) -> bool:
    apart = (
        one["y"] + one["height"] <= other["y"]
        or other["y"] + other["height"] <= one["y"]
        or one["x"] + one["width"] <= other["x"]
        or other["x"] + other["width"] <= one["x"]
    )
    return not apart


def test_messages_lie_over_no_control_can_be_closed_and_go_but_are_kept_for_screen_readers(
    generator: Service, version: ModelVersion, live_server: LiveServer, page: Page, ada: User
) -> None:
    galaxy = generation.generate(version, cluster=0, seed=1, psi=0.8)
    page.set_viewport_size({"width": 375, "height": 667})
    page.clock.install()
    page.goto(f"{live_server.url}{galaxy.get_absolute_url()}")
    page.locator(".votes").get_by_role("button", name="Like", exact=False).first.click()
    log_in(page)
    messages = page.locator("#message > p")
    expect(messages).to_have_count(2)
    page.wait_for_function("document.getElementById('message').style.top && document.readyState == 'complete'")
    expect(page.locator("section.compare")).to_be_visible()  # comes later, and moves what is there
    boxes = [message.bounding_box() for message in messages.all()]
    for control in page.locator("main :is(a, button, input):visible").all():
        box = control.bounding_box()
        assert box and not any(overlap(each, box) for each in boxes if each)
    messages.first.get_by_role("button", name="Close").click()
    expect(messages.first).to_have_class("visually-hidden")
    expect(messages.last.get_by_role("button", name="Close")).to_be_visible()
    page.mouse.move(5, 600)
    page.clock.run_for(20_000)
    expect(messages.last).to_have_class("visually-hidden")
    expect(page.locator("#message")).to_contain_text("You like this galaxy.")
    expect(page.locator("#message").get_by_role("button")).to_have_count(0)


@pytest.fixture
def hold(page: Page) -> Iterator[Callable[[str], None]]:
    """Hold back what the page asks for at an address until it calls release()."""
    page.set_viewport_size({"width": 375, "height": 667})
    kept: list[Route] = []
    released: list[bool] = []

    def release() -> None:
        released.append(True)
        for route in kept:
            route.continue_()

    def hold(address: str) -> None:
        page.route(re.compile(address), lambda route: route.continue_() if released else kept.append(route))

    page.expose_function("release", release)
    yield hold
    page.unroute_all(behavior="ignoreErrors")


def test_on_a_phone_the_pressed_button_is_busy_and_the_picture_before_stays_until_the_new_one_is_here(
    generator: Service,
    live_server: LiveServer,
    page: Page,
    hold: Callable[[str], None],
    transactional_db: None,
) -> None:
    page.goto(live_server.url)
    generate = page.locator("#generate")
    hold(r"/g/\w{11}/\d+\.webp")
    generate.click()
    frame = page.locator(".card .frame")
    expect(frame).to_have_class("frame is-loading")
    expect(frame.locator(".former")).to_be_visible()
    expect(frame.locator("progress")).to_have_css("opacity", "1")
    page.evaluate("release()")
    expect(frame).to_have_class("frame")
    expect(frame.locator("img")).to_have_count(1)
    assert page.evaluate("document.querySelector('.card img').naturalWidth") > 0


def test_the_pressed_button_is_busy_until_the_answer_comes(
    generator: Service,
    live_server: LiveServer,
    page: Page,
    hold: Callable[[str], None],
    transactional_db: None,
) -> None:
    page.goto(live_server.url)
    generate = page.locator("#generate")
    hold(r"/generate$")
    generate.click()
    expect(generate).to_have_attribute("aria-busy", "true")
    expect(generate).to_be_in_viewport()
    page.evaluate("release()")
    expect(page.locator("[data-galaxy-id]")).to_be_visible()
    expect(generate).not_to_have_attribute("aria-busy", "true")


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A generator that is still warming up for the first two requests."""
    asked: list[int] = []
    ready = generation.make_ready

    def make_ready(version: ModelVersion) -> None:
        asked.append(1)
        if len(asked) < 3:
            raise Busy("The generator is still warming up; try again in a few seconds.", retry_after=1)
        ready(version)

    monkeypatch.setattr(generation, "make_ready", make_ready)
    return asked


def test_while_the_generator_warms_up_it_is_asked_again(
    generator: Service, live_server: LiveServer, browser: Browser, cold: list[int], transactional_db: None
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(live_server.url)
        page.get_by_label("Seed").fill("4711")
        page.locator("#generate").click()
        expect(page.locator("#message")).to_contain_text("It is tried again by itself.")
        expect(page.locator("#generate")).to_have_attribute("aria-busy", "true")
        expect(page.locator("[data-galaxy-id]")).to_contain_text("4711")
        expect(page.locator("#message")).to_contain_text("A new galaxy")
    assert len(cold) == 3
    assert Galaxy.objects.count() == 1


def test_without_javascript_what_was_not_ready_is_sent_again_by_a_button(
    generator: Service, live_server: LiveServer, browser: Browser, cold: list[int], transactional_db: None
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(live_server.url)
        page.get_by_label("Seed").fill("4711")
        page.locator("#generate").click()
        for _ in range(2):
            page.get_by_role("button", name="Try again").click()
        expect(page.locator("[data-galaxy-id]")).to_contain_text("4711")


@pytest.mark.parametrize("script", [True, False])
def test_a_form_goes_on_after_a_login_in_another_tab(
    generator: Service, live_server: LiveServer, browser: Browser, ada: User, script: bool
) -> None:
    with browser.new_context(java_script_enabled=script) as context:
        page, other = context.new_page(), context.new_page()
        page.goto(live_server.url)
        page.get_by_label("Seed").fill("4711")
        other.goto(live_server.url + "/accounts/login/")
        log_in(other)
        page.locator("#generate").click()
        if not script:
            expect(page.locator("#problem")).to_contain_text("nothing of it is lost")
            page.get_by_role("button", name="Go on").click()
        expect(page.locator("[data-galaxy-id]")).to_contain_text("4711")
    assert Galaxy.objects.get().creator == ada


def test_a_visitor_s_vote_comes_back_to_its_place_in_the_gallery(
    generator: Service, version: ModelVersion, live_server: LiveServer, page: Page, ada: User
) -> None:
    recipes = [Recipe(version.version, 0, seed, 0.8) for seed in range(PAGE_SIZE + 2)]
    generation.make(version, recipes, None)
    Galaxy.objects.update(published=True)
    page.goto(live_server.url + "/galaxies/")
    page.get_by_role("link", name="More galaxies").click()
    last = page.locator(".tile").nth(PAGE_SIZE + 1)
    public_id = last.get_attribute("data-galaxy-id") or ""
    last.locator("button[value=like]").click()
    expect(page.locator("main")).to_contain_text("Your like is kept")
    log_in(page)
    expect(page).to_have_url(f"{live_server.url}/galaxies/?page=2#like-{public_id}")
    expect(page.locator(f"#like-{public_id}")).to_be_in_viewport()
    assert Vote.objects.get().galaxy.public_id == public_id


def strict(**headers: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"origin": "http://testserver"} | headers)


def test_a_form_with_a_token_that_is_too_old_can_go_on_with_all_it_held(version: ModelVersion) -> None:
    client = strict()
    client.get("/")
    sent = {"csrfmiddlewaretoken": "x" * 64, "seed": '4711"<', "cluster": "1"}
    response = client.post("/generate", sent)
    page = response.content.decode()
    assert response.status_code == 403
    assert '<input type="hidden" name="seed" value="4711&quot;&lt;">' in page
    assert 'action="/generate"' in page
    assert "x" * 64 not in page


@pytest.mark.parametrize(
    ("path", "headers"),
    [("/generate", {"origin": "https://elsewhere.example"}), ("/accounts/login/", {}), ("/admin/", {})],
)
def test_forms_from_elsewhere_and_forms_with_passwords_do_not_go_on(
    version: ModelVersion, path: str, headers: dict[str, str]
) -> None:
    client = strict(**headers)
    client.get("/")
    page = client.post(path, {"csrfmiddlewaretoken": "x" * 64, "password": PASSWORD}).content.decode()
    assert "reload the page and send it again" in page
    assert "Go on" not in page
    assert PASSWORD not in page


def test_a_form_with_a_file_does_not_go_on_since_the_file_would_be_lost(version: ModelVersion) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = strict()
    client.get("/")
    sent = {"csrfmiddlewaretoken": "x" * 64, "picture": SimpleUploadedFile("x.png", b"x")}
    assert "Go on" not in client.post("/recipe", sent).content.decode()


@pytest.mark.parametrize(("value", "kept"), [("like", "Your like is kept"), ("dislike", "Your dislike is kept")])
def test_the_login_page_says_that_the_vote_is_kept(
    client: Client, version: ModelVersion, settings: Settings, value: str, kept: str
) -> None:
    galaxy = make_galaxy(model_version=version)
    place = f"/galaxies/?page=3#like-{galaxy.public_id}"
    response = client.post(f"/g/{galaxy.public_id}/vote", {"value": value, "next": place})
    login = client.get(response["Location"])
    assert kept in login.content.decode()
    assert kept in client.get("/accounts/signup/").content.decode()
    assert response["Location"] == f"/accounts/login/?next=/galaxies/%3Fpage%3D3%23like-{galaxy.public_id}"
    assert "is kept" not in Client().get("/accounts/login/").content.decode()


def test_a_vote_leads_to_no_other_site(client: Client, version: ModelVersion) -> None:
    galaxy = make_galaxy(model_version=version)
    response = client.post(f"/g/{galaxy.public_id}/vote", {"value": "like", "next": "https://elsewhere.example/"})
    assert response["Location"] == f"/accounts/login/?next={galaxy.get_absolute_url()}"
