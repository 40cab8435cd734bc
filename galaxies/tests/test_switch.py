"""The language switch in a real browser, with JavaScript and without."""

import re

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from galaxies.models import ModelVersion
from galaxies.serving import Service


@pytest.mark.parametrize("script", [True, False])
def test_the_browsers_language_is_spoken_until_the_switch_is_used(
    transactional_db: None, version: ModelVersion, live_server: LiveServer, browser: Browser, script: bool
) -> None:
    with browser.new_context(locale="fr-FR", java_script_enabled=script) as context:
        page = context.new_page()
        page.goto(f"{live_server.url}/galaxies/?order=best")
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page).to_have_url(f"{live_server.url}/galaxies/?order=best")
        page.get_by_role("link", name="Model", exact=True).click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.get_by_role("button", name="Français").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Le modèle, et ce qu’il vaut")  # noqa: RUF001


def test_the_switch_comes_back_to_the_galaxy_that_was_just_generated(
    transactional_db: None, generator: Service, live_server: LiveServer, browser: Browser
) -> None:
    with browser.new_context(locale="fr-FR") as context:
        page = context.new_page()
        page.goto(live_server.url)
        page.get_by_label("Graine").fill("42")
        page.get_by_label("Graine").press("Enter")
        expect(page).to_have_url(re.compile("seed=42&psi=0.8"))
        recipe = page.url
        page.get_by_label("Variété").press("ArrowRight")
        expect(page.locator("#psi-value")).to_have_text("0,81")
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page).to_have_url(recipe)
        expect(page.locator("[data-galaxy-id]")).to_contain_text("42")
