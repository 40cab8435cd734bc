"""Requests that cannot be read are 400 at every URL; what cannot be stored or asked is 503."""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, connection, connections
from django.test import Client
from pytest_django.fixtures import Settings

from galaxies.models import Galaxy
from galaxies.serving import Service
from galaxies.tests.factories import on_disk, stored_files
from nebulai.outages import outage
from nebulai.tests.access import World, rows
from nebulai.tests.test_access import ask, undone
from nebulai.wsgi import Handler, Request, application

pytestmark = pytest.mark.django_db

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=X"
PART = b'--X\r\nContent-Disposition: form-data; name="a"\r\n%s\r\nb\r\n--X--\r\n'
ENCODED = b"Content-Transfer-Encoding: base64\r\n"
FILE = b'--X\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n%s\r\nabc\r\n--X--\r\n' % ENCODED

UNREADABLE: dict[str, dict[str, Any]] = {
    "a form in UTF-16": {"content_type": f"{FORM}; charset=utf-16"},
    "a form in UTF-7": {"content_type": f"{FORM}; charset=utf-7"},
    "an encoding that is none of text": {"content_type": f"{PARTS}; charset=hex", "data": PART % b""},
    "an encoding that nobody knows": {"content_type": f"{FORM}; charset=klingon"},
    "parts in UTF-16": {"content_type": f"{PARTS}; charset=utf-16", "data": PART % b""},
    "parts without a boundary": {"content_type": "multipart/form-data", "data": PART % b""},
    "an empty boundary": {"content_type": "multipart/form-data; boundary=", "data": PART % b""},
    "a boundary that is too long": {"content_type": f"multipart/form-data; boundary={'a' * 300}", "data": PART % b""},
    "a file that is no base64": {"content_type": PARTS, "data": FILE},
    "parts that are cut off": {"content_type": PARTS, "data": (PART % b"")[:-6]},
    "a file that is cut off": {"content_type": PARTS, "data": FILE.replace(ENCODED, b"")[:-10]},
    "too many fields": {"content_type": FORM, "data": "&".join(f"a{i}=1" for i in range(1100)).encode()},
    "a form that is too large": {"content_type": FORM, "data": b"a=" + b"b" * 3_000_000},
    "a length that is no number": {"content_type": FORM, "CONTENT_LENGTH": "ten"},
    "a negative length": {"content_type": FORM, "CONTENT_LENGTH": "-1"},
    "a control character in a cookie": {"HTTP_COOKIE": "sessionid=a\x00b"},
    "a cookie that is not UTF-8": {"HTTP_COOKIE": "sessionid=\xff\xfe"},
    "a control character in a header": {"HTTP_ACCEPT_LANGUAGE": "en\x07"},
    "a header of htmx that is not UTF-8": {"HTTP_HX_TARGET": "\xe9"},
    "too many values in a query": {"QUERY_STRING": "a=1&" * 1100},
    "a field without a name, for the admin": {"QUERY_STRING": "_to_field="},
    "a host that is none": {"HTTP_HOST": "not a host"},
    "a host of somebody else": {"HTTP_HOST": "evil.example"},
}


@pytest.mark.slow
@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_400_at_every_url(version: Any, what: str) -> None:
    world, options = World(version), {"data": b"a=b"} | UNREADABLE[what]
    client = world.client("superuser")
    answers = {route: client.generic("POST", world.address(route), **options) for route in rows()}
    assert {route: each.status_code for route, each in answers.items() if each.status_code != 400} == {}
    page = answers[""].content.decode()
    assert "could not be read" in page
    assert "Traceback" not in page


@pytest.mark.parametrize("charset", ["hex", "punycode", "undefined", "idna"])
def test_an_encoding_that_no_query_can_be_read_by_is_400_for_gunicorn_too(
    client: Client, monkeypatch: pytest.MonkeyPatch, charset: str
) -> None:
    monkeypatch.setattr("django.test.client.WSGIRequest", Request)  # as nebulai.wsgi has it
    assert isinstance(application, Handler)
    for method in ("GET", "POST"):
        kind = f"{FORM}; charset={charset}"
        query = "&".join(["a=%ff"] * 2000)
        assert client.generic(method, f"/?{query}", b"a=b", content_type=kind).status_code == 400


@pytest.mark.parametrize(("kind", "whole"), [(FORM, b"cluster=0&psi=0.8&seed=12345"), (PARTS, PART % b"")])
def test_a_form_whose_sender_has_gone_is_400_and_nothing_is_made_of_it(
    generator: Service, client: Client, kind: str, whole: bytes
) -> None:
    for end in range(1, len(whole)):
        sent: Any = {"wsgi.input": BytesIO(whole[:end]), "CONTENT_LENGTH": str(len(whole))}
        assert client.generic("POST", "/generate", b"x", content_type=kind, **sent).status_code == 400
    assert not Galaxy.objects.exists()


def test_what_follows_the_last_boundary_does_no_harm(client: Client) -> None:
    data = PART.replace(b'"a"', b'"language"').replace(b"\nb\r", b"\nfr\r") % b"" + b"the end\r\n"
    assert client.generic("POST", "/language", data, content_type=PARTS).status_code == 302


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_COOKIE": "a; =; sessionid=%%%; csrftoken=x,y; messages=W1siX19qc29u"},
        {"HTTP_USER_AGENT": "Télescope".encode().decode("latin-1")},
        {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://["},
        {"HTTP_REFERER": "http://[", "HTTP_IF_MODIFIED_SINCE": "yesterday", "HTTP_RANGE": "bytes=z"},
        {"HTTP_X_FORWARDED_FOR": ",,", "HTTP_ACCEPT_LANGUAGE": "x" * 5000},
        {"CONTENT_TYPE": "text/html; charset=UTF8"},
    ],
)
def test_what_is_only_odd_does_no_harm(client: Client, header: dict[str, str]) -> None:
    assert client.get("/", **header).status_code == 200  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["visitor", "superuser"])
def test_a_next_page_that_is_no_address_does_no_harm_at_any_url(version: Any, role: str) -> None:
    world = World(version)
    client = world.client(role)
    answers = {}
    for route in rows():
        for method in ("GET", "POST"):
            with undone():
                answers[method, route] = ask(client, method, f"{world.address(route)}?next=http%3A%2F%2F%5B")
    assert {key for key, each in answers.items() if each.status_code == 500} == set()
    assert {key for key, each in answers.items() if "[" in each.headers.get("Location", "").partition("?")[0]} == set()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no room left"),
        (OSError(errno.EFBIG, "File too large"), "no room left"),
        (OperationalError("database or disk is full"), "no room left"),
        (OSError(errno.EROFS, "Read-only file system"), "Nothing can be stored"),
        (PermissionError(errno.EACCES, "Permission denied"), "Nothing can be stored"),
        (OperationalError("database is locked"), "database does not answer"),
        (InterfaceError("connection already closed"), "database does not answer"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "does not answer"),
        (MemoryError(), "too much to do"),
    ],
)
def test_what_passes_is_told_in_a_sentence(error: Exception, said: str) -> None:
    wrapped = RuntimeError("while something was done")
    wrapped.__cause__ = error
    assert said in outage(error)
    assert said in outage(wrapped)


@pytest.mark.parametrize("error", [ValueError("no"), FileNotFoundError(errno.ENOENT, "No such file"), KeyError("a")])
def test_a_fault_of_ours_stays_a_fault(error: Exception) -> None:
    assert outage(error) == ""


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@on_disk
def test_a_full_disk_is_503_in_a_sentence_and_leaves_neither_row_nor_file(
    transactional_db: None, generator: Service, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(raise_request_exception=False)
    with full_disk(room=100):
        response = client.post("/generate", {"cluster": "0", "psi": "0.8"}, headers={"HX-Request": "true"})
    assert response.status_code == 503
    assert response["Retry-After"] == "30"
    assert "no room left" in response.content.decode()
    assert "Traceback" not in caplog.text
    assert not Galaxy.objects.exists()
    assert stored_files() == []
    again = client.post("/generate", {"cluster": "0", "psi": "0.8"}, headers={"HX-Request": "true"})
    assert again.status_code == 200


@pytest.mark.slow
def test_a_database_that_is_gone_is_503_at_every_url_that_asks_it(
    transactional_db: None, version: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(version)
    addresses = {route: world.address(route) for route in rows()}
    client = world.client("superuser")
    connections.close_all()
    with monkeypatch.context() as gone:
        gone.setitem(connection.settings_dict, "NAME", "/nowhere/gone.sqlite3")
        gone.setitem(connection.settings_dict, "HOST", "/nowhere")
        answers = {route: client.get(address) for route, address in addresses.items()}
        connections.close_all()
    assert {route for route, each in answers.items() if each.status_code == 500} == set()
    assert answers["galaxies/"].status_code == answers["me/"].status_code == 503
    assert "database does not answer" in answers["galaxies/"].content.decode()
    assert answers["healthz"].status_code == 200
    assert "Internal Server Error" not in caplog.text
    assert client.get("/galaxies/").status_code == 200  # back by itself


def test_a_session_that_the_database_cannot_store_is_503(
    transactional_db: None, generator: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(session: Session, *args: Any, **kwargs: Any) -> None:
        raise OperationalError("terminating connection due to administrator command")

    client, form = Client(raise_request_exception=False), {"cluster": "0", "psi": "0.8"}
    client.post("/generate", form)
    session = client.session
    with monkeypatch.context() as gone:
        gone.setattr(Session, "save", away)
        assert client.post("/generate", form).status_code == 503
    assert client.post("/generate", form).status_code == 302
    session.delete()
    with pytest.raises(UpdateError):  # a session that was deleted is told as before
        session.save()


def test_a_row_that_cannot_be_written_leaves_no_file(transactional_db: None, generator: Service) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE galaxies_galaxy RENAME TO away")
    try:
        response = Client(raise_request_exception=False).post("/generate", {"cluster": "0", "psi": "0.8"})
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO galaxies_galaxy")
    assert response.status_code in (500, 503)  # no such table: a fault of the database here, of ours on PostgreSQL
    assert stored_files() == []


@on_disk
def test_an_image_is_stored_whole_or_not_at_all(settings: Settings) -> None:
    name = default_storage.save("a/b.webp", ContentFile(b"whole"))
    with full_disk(room=2), pytest.raises(OSError, match="File too large"):
        default_storage.save("a/c.webp", ContentFile(b"more than two"))
    assert [path.name for path in Path(settings.MEDIA_ROOT, "a").iterdir()] == ["b.webp"]
    with default_storage.open(name) as file:
        assert file.read() == b"whole"
    assert Path(default_storage.path(name)).stat().st_mode & 0o777 == 0o644


def test_robots_keep_out_of_what_is_personal(client: Client) -> None:
    text = client.get("/robots.txt").content.decode()
    assert text.startswith("User-agent: *\n")
    assert {f"Disallow: /{each}/" for each in ("accounts", "admin", "dashboard", "me")} <= set(text.splitlines())


def test_who_found_a_hole_finds_whom_to_write_to(client: Client, settings: Settings) -> None:
    settings.SECURITY_CONTACT = "mailto:security@galaxies.example"
    response = client.get("/.well-known/security.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert fields["Contact"] == "mailto:security@galaxies.example"
    assert fields["Expires"].endswith("T00:00:00Z")
    assert fields["Canonical"] == "http://testserver/.well-known/security.txt"
