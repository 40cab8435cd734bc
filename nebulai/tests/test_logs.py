"""What the logs say, and what they keep to themselves."""

import json
import logging
import os
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from django_tasks import task
from django_tasks_db.models import DBTaskResult
from pytest_django.fixtures import Settings

from accounts.models import User
from galaxies.models import ModelVersion
from nebulai import logs, request_ids
from nebulai.urls import handler429, handler500  # noqa: F401  (this module is URLs, too)
from nebulai.urls import urlpatterns as site_patterns

logger = logging.getLogger("galaxies.tests")
PASSWORD = "a-quiet-night-sky"
ADDRESS, FORWARDED = "203.0.113.77", "2001:db8::7:1234"
AGENT = "Stargazer/7 (a browser that nobody else has)"
EMAIL, OTHER = "ada.lovelace@example.org", "eve+night@sub.example.net"
PERSONAL = [ADDRESS, FORWARDED, AGENT, "Stargazer", EMAIL, OTHER, "ada.lovelace", "example.org", "eve+night", PASSWORD]


@pytest.fixture
def written() -> Iterator[StringIO]:
    """All that is logged, as production writes it, down to DEBUG where our own loggers are concerned."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(as_json=True))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def events(written: StringIO) -> list[dict[str, Any]]:
    """Every line as what it holds; a line that is no JSON fails."""
    return [json.loads(line) for line in written.getvalue().splitlines()]


def crash(request: HttpRequest) -> HttpResponse:
    password = request.GET["password"]  # stays in a variable, which no line may show
    raise ValueError(f"{EMAIL} from {ADDRESS} could not be told apart from {OTHER}, {len(password)}")


def refuse(request: HttpRequest) -> HttpResponse:
    raise {"/refuse": PermissionDenied, "/bad": BadRequest, "/suspect": SuspiciousOperation}[request.path]("no")


urlpatterns = [path("crash", crash), *(path(name, refuse) for name in ("refuse", "bad", "suspect")), *site_patterns]


@pytest.fixture
def browser() -> Client:
    options: dict[str, Any] = {"REMOTE_ADDR": ADDRESS, "HTTP_X_FORWARDED_FOR": FORWARDED, "HTTP_USER_AGENT": AGENT}
    return Client(raise_request_exception=False, **options)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status"),
    [("/refuse", 403), ("/bad", 400), ("/suspect", 400), ("/nothing-here", 404), ("/crash?password=a", 500)],
)
def test_only_what_failed_has_a_traceback(
    db: None, browser: Client, written: StringIO, address: str, status: int
) -> None:
    assert browser.get(address).status_code == status
    logged = [each for each in events(written) if each["logger"].startswith("django.")]
    assert logged
    assert any("Traceback" in str(each) for each in logged) == (status == 500)


@pytest.mark.django_db
def test_no_line_says_who_somebody_is(
    browser: Client, settings: Settings, version: ModelVersion, written: StringIO
) -> None:
    settings.ROOT_URLCONF = __name__
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody takes it there
    User.objects.create_user("ada", EMAIL, PASSWORD, is_staff=True)
    answers = [
        browser.get("/", {"email": EMAIL}),
        browser.get(f"/{EMAIL}/from/{ADDRESS}"),
        browser.get(f"/accounts/password/reset/key/1-{'secret' * 4}/"),
        browser.post("/accounts/login/", {"login": EMAIL, "password": "wrong " + PASSWORD}),
        browser.post("/accounts/signup/", {"email": OTHER, "password1": PASSWORD, "password2": PASSWORD}),
        browser.post("/accounts/logout/"),
        browser.post("/accounts/password/reset/", {"email": EMAIL}),
        browser.post("/accounts/login/", {"login": EMAIL, "password": PASSWORD}),
        browser.get("/me/", {"who": EMAIL}),
        browser.get("/dashboard/"),
        browser.get(f"/admin/accounts/user/?q={EMAIL}"),
        browser.get("/", headers={"Host": ADDRESS}),
        browser.get("/crash", {"password": PASSWORD}),
        Client(enforce_csrf_checks=True).post("/generate", headers={"Referer": f"https://elsewhere/?{EMAIL}"}),
    ]
    assert {each.status_code for each in answers} >= {200, 302, 400, 403, 404, 500}
    assert {each["status"] for each in events(written) if each["event"] == "request"} >= {200, 302, 400, 403, 404, 500}
    found = [needle for needle in [*PERSONAL, "secret" * 4] if needle.casefold() in written.getvalue().casefold()]
    assert not found
    assert "could not be told apart" in written.getvalue()
    assert any("Traceback" in each.get("exception", "") for each in events(written))


@pytest.mark.django_db
def test_the_lines_of_a_request_share_the_id_that_it_is_answered_with(
    browser: Client, settings: Settings, written: StringIO
) -> None:
    settings.ROOT_URLCONF = __name__
    ids = [browser.get(address)["X-Request-ID"] for address in ("/crash?password=1", "/nowhere", "/robots.txt")]
    assert len(set(ids)) == 3
    for request_id, logger_name in zip(ids, ["django.request", "django.request", "nebulai.requests"], strict=True):
        of_it = [each["logger"] for each in events(written) if each["request_id"] == request_id]
        assert {"nebulai.requests", logger_name} == set(of_it)
        assert of_it.count("nebulai.requests") == 1


@pytest.mark.django_db
def test_a_visitor_does_not_choose_the_id(browser: Client) -> None:
    assert browser.get("/robots.txt", headers={"X-Request-ID": "mine"})["X-Request-ID"] != "mine"


def test_a_request_is_one_event_with_what_it_was(db: None, browser: Client, written: StringIO) -> None:
    browser.get("/galaxies/?sort=new")
    browser.get("/healthz")
    (event,) = (each for each in events(written) if each["event"] == "request")
    told = ("method", "path", "view", "status", "level", "logger")
    assert [event[key] for key in told] == ["GET", "/galaxies/", "galaxies:gallery", 200, "info", "nebulai.requests"]
    assert event["seconds"] > 0
    assert event["timestamp"].endswith("Z")


@task()
def speak(word: str) -> str:
    logger.warning("The task says %s.", word)
    return os.environ.get(request_ids.VARIABLE, "")


def queue(request: HttpRequest) -> HttpResponse:
    return HttpResponse(speak.enqueue("hello").id)


urlpatterns += [path("queue", queue)]


def test_a_task_carries_the_id_of_the_request_that_queued_it(
    transactional_db: None, browser: Client, settings: Settings, written: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ROOT_URLCONF = __name__
    monkeypatch.setattr("os.nice", lambda by: 0)  # this process goes on with other tests
    response = browser.get("/queue")
    structlog.contextvars.clear_contextvars()  # the worker is another process
    call_command("db_worker", batch=True, interval=0, startup_delay=False)
    (said,) = (each for each in events(written) if each["event"] == "The task says hello.")
    assert said["request_id"] == response["X-Request-ID"]
    assert said["task_id"] == response.content.decode()
    row = DBTaskResult.objects.get()
    assert row.return_value == response["X-Request-ID"]  # what processes that the task starts would find
    assert row.args_kwargs["args"] == ["hello"]
    assert request_ids.VARIABLE not in os.environ


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"to <{EMAIL}>, {OTHER}", "to <[hidden]>, [hidden]"),
        ("postgres://ada:word@db.example/site", "postgres://ada:[hidden]/site"),
        ("?email=ada%40example.org&a=1", "?email=[hidden]&a=1"),
        (
            "2001:db8::1, fe80::1:2, 2001:0db8:0:0:1:2:3:4 and ::ffff:203.0.113.9",
            "[hidden], [hidden], [hidden] and ::ffff:[hidden]",
        ),
        ("(10.0.0.7:443).", "([hidden]:443)."),
        (
            "/upload/abc_-9.webp and /accounts/confirm-email/Mg:abc/",
            "/upload/[hidden] and /accounts/confirm-email/[hidden]/",
        ),
    ],
)
def test_what_is_hidden(text: str, hidden: str) -> None:
    assert logs.hide(text) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "Listening at: http://127.0.0.1:8000 and http://[::1]:8000",
        "2026-11-27T22:56:33.1Z took 12:30:01, version 1.22.1 of 2.3.4.5.6",
        "    @require_GET\n    batch = jobs[::2]\n    std::vector a::b",
        "300.1.2.3 is no address, sdss-256-d is no secret",
        "@" * 1000,
        "",
    ],
)
def test_what_is_left_as_it_is(text: str) -> None:
    assert logs.hide(text) == text


def test_people_read_lines_without_json(written: StringIO) -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(as_json=False))
    record = logging.LogRecord("galaxies.tests", logging.WARNING, "", 0, "%s has no tail", (EMAIL,), None)
    handler.emit(record)
    line = stream.getvalue()
    assert "[hidden] has no tail" in line
    assert "warning" in line
    assert not line.startswith("{")


def test_whatever_is_logged_with_an_event_is_looked_at() -> None:
    event = {
        "event": "a",
        "who": {"mail": [EMAIL], "at": (ADDRESS, 1)},
        "user_agent": AGENT,
        "error": ValueError(OTHER),
    }
    found = logs.without_people(None, "info", event)
    assert found == {"event": "a", "who": {"mail": ["[hidden]"], "at": ["[hidden]", 1]}, "error": "[hidden]"}
