import re
import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "a-quiet-night-sky"


class CountingHasher(PBKDF2PasswordHasher):
    """The real one, fewer iterations, that counts its work: what an answer's time is made of."""

    iterations = 1000
    runs = 0

    def encode(self, *args: Any, **kwargs: Any) -> str:
        CountingHasher.runs += 1
        return super().encode(*args, **kwargs)


@pytest.fixture(autouse=True)
def hasher(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]


def make_person(email: str, password: str = PASSWORD, verified: bool = False) -> User:
    user = User.objects.create(username=f"user{User.objects.count()}", email=email, password=make_password(password))
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=verified)
    return user


def post(client: Client, page: str, **values: str) -> tuple[int, str, str, int]:
    """Status, where to, the page without what differs each time, and how many passwords were hashed."""
    before = CountingHasher.runs
    response = client.post(f"/accounts/{page}/", values)
    text = response.content.decode()
    for token in {part[:64] for part in text.split('csrfmiddlewaretoken" value="')[1:]}:
        text = text.replace(token, "")
    for value in values.values():
        text = text.replace(value, "")
    return response.status_code, response.headers.get("Location", ""), text, CountingHasher.runs - before


def signup(email: str, password: str = PASSWORD) -> tuple[int, str, str, int]:
    return post(Client(), "signup", email=email, password1=password, password2=password)


def test_it_works(client: Client) -> None:
    make_person("ada@example.org")
    assert client.post("/accounts/login/", {"login": "Ada@Example.org", "password": PASSWORD}).status_code == 302
    assert client.get("/me/").status_code == 200


def test_login_tells_by_no_answer_and_no_work_who_has_an_account() -> None:
    make_person("one@example.org", verified=True)
    make_person("two@example.org")
    make_person("two@example.org", "another-night-sky")
    answers = {
        post(Client(), "login", login=f"{name}@example.org", password="not-the-right-one")
        for name in ("none", "one", "two")
    }
    assert len(answers) == 1
    assert answers.pop()[3] == 2


@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_signup_tells_by_no_answer_and_no_work_who_has_an_account(settings: Settings, verification: str) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    make_person("ada@example.org", verified=True)
    assert signup("ada@example.org", "another-night-sky") == signup("bo@example.org", "another-night-sky")
    assert [each.to for each in mail.outbox] == [["ada@example.org"], ["bo@example.org"]]


def test_who_signs_up_with_a_verified_address_of_somebody_else_logs_in_to_an_account_of_their_own() -> None:
    ada = make_person("ada@example.org", verified=True)
    signup("ada@example.org", "another-night-sky")
    for password, expected in ((PASSWORD, True), ("another-night-sky", False)):
        client = Client()
        client.post("/accounts/login/", {"login": "ada@example.org", "password": password})
        assert (int(client.session["_auth_user_id"]) == ada.pk) is expected


def test_password_reset_answers_and_sends_mail_whether_or_not_there_is_an_account() -> None:
    make_person("ada@example.org")
    answers = {post(Client(), "password/reset", email=f"{name}@example.org") for name in ("ada", "bo")}
    assert len(answers) == 1
    assert [each.to for each in mail.outbox] == [["ada@example.org"], ["bo@example.org"]]


def test_a_forgotten_password_is_replaced_through_the_mail(client: Client) -> None:
    make_person("ada@example.org")
    client.post("/accounts/password/reset/", {"email": "ada@example.org"})
    link = next(word for word in str(mail.outbox[0].body).split() if "/password/reset/key/" in word)
    form = client.get(link.removeprefix("http://testserver"))["Location"]
    client.post(form, {"password1": "another-night-sky", "password2": "another-night-sky"})
    client.post("/accounts/login/", {"login": "ada@example.org", "password": "another-night-sky"})
    assert client.get("/me/").status_code == 200


def test_an_unverified_address_logs_in_unless_verification_is_mandatory(client: Client, settings: Settings) -> None:
    signup("ada@example.org")
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    response = client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert response["Location"] == "/accounts/confirm-email/"
    link = next(word for word in str(mail.outbox[-1].body).split() if "/confirm-email/" in word)
    client.post(link.removeprefix("http://testserver"))
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert client.get("/me/").status_code == 200


def test_a_closed_site_takes_nobody_new_and_says_so_kindly(client: Client, settings: Settings) -> None:
    settings.SIGNUP = "closed"
    assert "No new accounts" in client.get("/accounts/signup/").content.decode()
    values = {"email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}
    assert "No new accounts" in client.post("/accounts/signup/", values).content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("unsafe", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_an_unsafe_next_is_ignored(client: Client, unsafe: str) -> None:
    make_person("ada@example.org")
    response = client.post(
        f"/accounts/login/?next={unsafe}", {"login": "ada@example.org", "password": PASSWORD, "next": unsafe}
    )
    assert response["Location"] == "/"


def test_too_many_wrong_passwords_are_429(client: Client, settings: Settings) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login": "3/m/ip"}
    make_person("ada@example.org")
    answers = [client.post("/accounts/login/", {"login": "ada@example.org", "password": "wrong"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert b'class="wordmark"' in answers[-1].content


def test_the_e_mail_of_whom_createsuperuser_makes_is_needed_to_log_in(client: Client) -> None:
    User.objects.create_superuser("root", "Root@Example.ORG", PASSWORD)
    client.post("/accounts/login/", {"login": "Root@example.org", "password": PASSWORD})
    assert client.get("/admin/").status_code == 200


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SENSITIVE = ["/accounts/2fa/totp/activate/", "/me/delete"]


@pytest.mark.parametrize("path", SENSITIVE)
def test_the_password_is_not_asked_again_right_after_login_or_signup(client: Client, path: str) -> None:
    make_person("ada@example.org")
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert client.get(path).status_code == 200
    newcomer = Client()
    newcomer.post("/accounts/signup/", {"email": "bo@example.org", "password1": PASSWORD, "password2": PASSWORD})
    assert newcomer.get(path).status_code == 200


@pytest.mark.parametrize("path", SENSITIVE)
def test_the_password_is_asked_again_some_minutes_after_login(
    client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_person("ada@example.org")
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 301)
    assert client.get(path)["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get(path).status_code == 200


def test_pages_say_log_in_and_email_and_promise_no_contact_that_is_not_there(client: Client) -> None:
    visitor = ["login/", "signup/", "password/reset/", "password/reset/done/", "confirm-email/"]
    pages = [client.get(f"/accounts/{path}").content.decode() for path in visitor]
    make_person("ada@example.org")
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    own = ["email/", "sessions/", "2fa/", "password/change/", "logout/"]
    pages += [client.get(f"/accounts/{path}").content.decode() for path in own]
    for path, page in zip(visitor + own, pages, strict=True):
        assert not re.search("[Ss]ign(ed)? ?([Ii]n|[Oo]ut)|E-mail|[Cc]ontact us", page), path
        assert re.search(r"<title>\s*\w[^<]* · NebulAI</title>", page), path


def test_the_only_address_has_no_button_to_make_it_primary(client: Client) -> None:
    user = make_person("ada@example.org", verified=True)
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    page = client.get("/accounts/email/").content.decode()
    assert "action_primary" not in page
    assert "action_remove" not in page
    EmailAddress.objects.create(user=user, email="ada@example.com", verified=True)
    page = client.get("/accounts/email/").content.decode()
    assert page.count("action_primary") == page.count("action_remove") == 1
    client.post("/accounts/email/", {"email": "ada@example.com", "action_primary": ""})
    assert EmailAddress.objects.get(primary=True).email == "ada@example.com"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0.0.0 Safari/537.36", "Chrome on Linux"),
        (f"Mozilla/5.0 (Linux; Android 14) {WEBKIT} Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {WEBKIT} Safari/604.1", "Safari on iPhone"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("A telescope", "A telescope"),
    ],
)
def test_sessions_name_browsers_as_people_do(client: Client, user_agent: str, name: str) -> None:
    make_person("ada@example.org")
    client = Client(headers={"user-agent": user_agent})
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert f">{name} <" in client.get("/accounts/sessions/").content.decode()
