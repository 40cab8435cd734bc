import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
PERSON = {"email": "ada@example.org", "password1": "a-quiet-night-sky", "password2": "a-quiet-night-sky"}


@pytest.mark.parametrize("page", ["login", "signup", "password/reset"])
def test_pages_wear_the_site_s_design(client: Client, page: str) -> None:
    response = client.get(f"/accounts/{page}/")
    assert response.status_code == 200
    assert b'class="wordmark"' in response.content


def test_a_person_signs_up_logs_out_and_in_again_by_email(client: Client) -> None:
    assert client.post("/accounts/signup/", PERSON).status_code == 302
    assert client.get("/me/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/me/").status_code == 302
    client.post("/accounts/login/", {"login": PERSON["email"], "password": PERSON["password1"]})
    assert client.get("/me/").status_code == 200


def test_the_admin_takes_visitors_to_the_site_s_login_and_staff_in(client: Client) -> None:
    assert client.get("/admin/login/")["Location"].startswith("/accounts/login/")
    client.force_login(User.objects.create_superuser("root", "root@example.org", "a-quiet-night-sky"))
    for page in ("galaxies/galaxy", "galaxies/modelversion", "accounts/user"):
        assert client.get(f"/admin/{page}/").status_code == 200
