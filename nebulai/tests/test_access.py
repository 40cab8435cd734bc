"""Who may do what, over every URL, by the table in nebulai/tests/access.py; and what holds for every answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client

from galaxies.models import ModelVersion
from galaxies.serving import Service
from nebulai.tests.access import ROLES, World, routes, rows, word

pytestmark = pytest.mark.django_db
PERSONAL = {"private", "no-store"}


@pytest.fixture
def world(version: ModelVersion, loaded: Service) -> World:
    return World(version)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what is written inside, so that no request meets what another left."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(client: Client, method: str, address: str, **options: Any) -> HttpResponseBase:
    """Send an empty GET or POST and read the answer to its end."""
    response: Any = client.get(address, **options) if method == "GET" else client.post(address, **options)
    if response.streaming:
        b"".join(response.streaming_content)
    return response  # type: ignore[no-any-return]


def test_every_url_has_a_row() -> None:
    assert sorted(set(routes()) - set(rows())) == [], "they need a row: see CONTRIBUTING.md, How to add a URL"
    assert sorted(set(rows()) - set(routes())) == [], "they have a row and are no URL"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("role", ROLES)
def test_everybody_may_do_what_the_table_says(world: World, role: str, method: str) -> None:
    wrong = []
    for route, row in rows().items():
        with undone():
            found = word(ask(world.client(role), method, world.address(route)))
            if found != row.expected(method, role):
                wrong.append(f"{method} {route} answers {found}, not {row.expected(method, role)}")
    assert not wrong


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_no_form_is_taken_without_its_token(world: World, role: str) -> None:
    client = world.client(role, enforce_csrf_checks=True)
    answers = {route: ask(client, "POST", world.address(route)).status_code for route in rows()}
    assert {route: status for route, status in answers.items() if status != 403} == {}


@pytest.mark.slow
@pytest.mark.parametrize("role", ["visitor", "user", "superuser"])
def test_headers_of_every_url(world: World, role: str) -> None:
    wrong = []
    for method, route in [(method, route) for method in ("GET", "POST") for route in rows()]:
        with undone():
            response = ask(world.client(role), method, world.address(route), secure=True)
            wrong += [f"{method} {route}: {each}" for each in missing(response, personal=role != "visitor")]
    assert not wrong


def missing(response: HttpResponseBase, personal: bool) -> Iterator[str]:
    """Yield the headers that are not as they have to be. personal: whether somebody is logged in."""
    exact = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": settings.PERMISSIONS_POLICY,
    }
    for name, value in exact.items():
        if response.get(name) != value:
            yield f"{name} is {response.get(name)}"
    if not response.get("X-Request-ID"):
        yield "X-Request-ID is missing"
    policy = response.get("Content-Security-Policy", "")
    if "default-src 'self'" not in policy or "unsafe" in policy:
        yield f"Content-Security-Policy is {policy}"
    for cookie in filter(lambda each: each.value, response.cookies.values()):  # without a value it is taken back
        if cookie["samesite"] not in ("Lax", "Strict") or not (cookie["httponly"] or cookie.key == "csrftoken"):
            yield f"the cookie {cookie.key} is {cookie.OutputString()}"
    cache = {each.strip() for each in response.get("Cache-Control", "").split(",")}
    if "public" in cache and not is_for_all(response):
        yield f"Cache-Control of a page is {response['Cache-Control']}"
    if personal and "public" not in cache and not cache >= PERSONAL and "max-age=31536000" not in cache:
        yield f"Cache-Control of a personal answer is {response.get('Cache-Control')}"
    if not cache & {"public", "private", "no-store"}:
        yield f"Cache-Control is {response.get('Cache-Control')}"


def is_for_all(response: HttpResponseBase) -> bool:
    """Whether it is an image, which is the same for everybody."""
    return str(response.get("Content-Type")).startswith(("image/", "application/fits"))
