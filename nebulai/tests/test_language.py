"""The language of a page: the browser's until the switch is used, English where the site does not speak it."""

import re

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

FRENCH = {"accept-language": "fr-CH, fr;q=0.9, en;q=0.8"}


def language_of(page: str) -> str:
    return str(re.findall(r'<html lang="([^"]*)"', page)[0])


def read(client: Client, address: str = "/", **headers: str) -> str:
    return client.get(address, headers=headers or None).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("fr", "fr"),
        ("en-US,en;q=0.5", "en"),
        ("en, fr;q=0.9", "en"),
        ("tlh", "en"),
        ("tlh, fr;q=0.3", "fr"),
        ("*", "en"),
        ("", "en"),
        ("%00<script>,;;q=x", "en"),
    ],
)
def test_the_browsers_language_comes_first_and_english_stands_in_for_others(
    client: Client, asked: str, spoken: str
) -> None:
    page = read(client, **{"accept-language": asked})
    assert language_of(page) == spoken
    assert ("Galerie" in page) == (spoken == "fr")


@pytest.mark.django_db
def test_the_switch_is_remembered_and_comes_back_to_the_page(client: Client) -> None:
    gallery = f"{reverse('galaxies:gallery')}?order=best"
    answer = client.post("/language", {"language": "fr", "next": gallery})
    assert (answer.status_code, answer["Location"]) == (302, gallery)
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie["max-age"], cookie["httponly"], cookie["samesite"]) == (365 * 24 * 3600, True, "Lax")
    assert language_of(read(client, gallery, **{"accept-language": "en"})) == "fr"
    client.post("/language", {"language": "en", "next": gallery})
    assert language_of(read(client, gallery, **FRENCH)) == "en"


@pytest.mark.django_db
def test_the_switch_is_a_form_on_every_page_that_names_the_page(client: Client) -> None:
    page = read(client, "/galaxies/?order=best")
    form = re.findall(r'<form class="languages".*?</form>', page, re.DOTALL)[0]
    assert 'method="post" action="/language"' in form
    assert 'name="next" value="/galaxies/?order=best"' in form
    assert re.findall(r'name="language" value="(\w+)" lang="(\w+)"', form) == [("en", "en"), ("fr", "fr")]
    assert re.findall(r'value="en"[^>]*aria-current', form)
    assert 'class="languages"' in read(client, "/no/such/page")


@pytest.mark.django_db
def test_the_switch_of_a_page_that_a_form_led_to_goes_back_to_the_form(client: Client) -> None:
    page = client.post(reverse("galaxies:zip"), {}).content.decode()
    assert 'name="next" value="/"' in page
    page = client.post(reverse("galaxies:zip"), {}, headers={"referer": "http://testserver/me/?<"}).content.decode()
    assert 'name="next" value="http://testserver/me/?&lt;"' in page
    answer = client.post("/language", {"language": "fr", "next": "http://testserver/me/"})
    assert answer["Location"] == "http://testserver/me/"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["tlh", "", "en\0", "<b>", "fr-x" * 200])
def test_a_language_that_nobody_has_is_refused_in_a_sentence(client: Client, language: str) -> None:
    answer = client.post("/language", {"language": language, "next": "/galaxies/"})
    assert answer.status_code == 400
    assert "This site speaks English and French; choose one of them." in answer.content.decode()
    assert settings.LANGUAGE_COOKIE_NAME not in answer.cookies


@pytest.mark.django_db
def test_the_switch_leads_to_no_other_site_and_takes_no_get(client: Client) -> None:
    answer = client.post("/language", {"language": "fr", "next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"
    assert client.get("/language").status_code == 405


@pytest.mark.django_db
def test_a_damaged_cookie_is_no_error(client: Client) -> None:
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "tlh\\0;../../x"
    assert language_of(read(client, **FRENCH)) == "fr"


@pytest.mark.django_db
def test_caches_are_told_what_the_language_goes_by_and_only_where_there_are_words(client: Client) -> None:
    answer = client.get("/model/", headers=FRENCH)
    vary = {name.strip().lower() for name in answer["Vary"].split(",")}
    assert {"accept-language", "cookie"} <= vary
    assert answer["Content-Language"] == "fr"
    health = client.get("/healthz", headers=FRENCH)
    assert "accept-language" not in health.get("Vary", "").lower()
    assert "Content-Language" not in health


@pytest.mark.django_db
def test_errors_accounts_and_mail_are_in_the_language_too(client: Client, mailoutbox: list[object]) -> None:
    assert "Rien que le vide" in read(client, "/no/such/page", **FRENCH)
    assert "Se connecter" in read(client, reverse("account_login"), **FRENCH)
    wrong = client.post(
        reverse("account_login"), {"login": "nobody@example.com", "password": "wrong"}, headers=FRENCH
    ).content.decode()
    assert "adresse e-mail ou le mot de passe sont incorrects" in wrong
    client.post(reverse("account_reset_password"), {"email": "nobody@example.com"}, headers=FRENCH)
    assert len(mailoutbox) == 1
    assert "Vous recevez cet email" in str(mailoutbox[0].body)  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_a_request_that_cannot_be_read_is_answered_in_its_own_language(client: Client) -> None:
    read(client, **FRENCH)
    english = client.post("/generate", b"\xff", content_type="multipart/form-data", headers={"accept-language": "en"})
    assert (english.status_code, language_of(english.content.decode())) == (400, "en")
    french = client.post("/generate", b"\xff", content_type="multipart/form-data", headers=FRENCH)
    assert (french.status_code, language_of(french.content.decode())) == (400, "fr")
