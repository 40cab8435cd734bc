import re

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
PASSWORD = "a-quiet-night-sky"


def code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time()))))


@pytest.fixture
def secret(client: Client) -> str:
    """Of an authenticator app set up through the pages by a person who has just signed up."""
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret" value="([A-Z2-7]+)"', page)
    assert found, page
    assert "<svg" in page and "data:" not in page  # an image out of a data: address would break the content policy
    assert client.post("/accounts/2fa/totp/activate/", {"code": code(found[1])}).status_code == 302
    return found[1]


def test_login_asks_for_the_code(client: Client, secret: str) -> None:
    stranger = Client()
    response = stranger.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert response["Location"].startswith("/accounts/2fa/authenticate/")
    assert stranger.get("/me/").status_code == 302
    assert b'class="wordmark"' in stranger.get("/accounts/2fa/authenticate/").content
    assert stranger.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert stranger.get("/me/").status_code == 302


def test_a_recovery_code_logs_in_once(client: Client, secret: str) -> None:
    page = client.get("/accounts/2fa/recovery-codes/").content.decode()
    codes = re.findall(r"\b\d{8}\b", page)
    assert len(codes) == 10
    for attempt in range(2):
        stranger = Client()
        stranger.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
        stranger.post("/accounts/2fa/authenticate/", {"code": codes[0]})
        assert stranger.get("/me/").status_code == (302 if attempt else 200)


def test_the_second_factor_holds_for_the_admin_too(client: Client, secret: str) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    stranger = Client()
    stranger.post("/accounts/login/?next=/admin/", {"login": "ada@example.org", "password": PASSWORD})
    assert stranger.get("/admin/").status_code == 302


def test_other_sessions_are_shown_and_ended(client: Client) -> None:
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD})
    other = Client(headers={"user-agent": "A telescope"})
    other.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert "A telescope" in client.get("/accounts/sessions/").content.decode()
    client.post("/accounts/sessions/")
    assert (client.get("/me/").status_code, other.get("/me/").status_code) == (200, 302)


def test_the_login_by_a_code_names_the_recovery_codes(secret: str) -> None:
    stranger = Client()
    stranger.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    page = stranger.get("/accounts/2fa/authenticate/").content.decode()
    assert "one of your recovery codes" in page
    assert ">Log in</button>" in page
