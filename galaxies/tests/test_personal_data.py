import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.test import Client

from accounts.models import User
from galaxies import votes
from galaxies.models import Galaxy, ModelVersion, Vote
from galaxies.tests.factories import make_galaxy, make_person, sums

pytestmark = pytest.mark.django_db
PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def ada(client: Client) -> User:
    person = User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
    client.force_login(person)
    return person


def generate(version: ModelVersion, **values: Any) -> Galaxy:
    galaxy = make_galaxy(model_version=version, **values)
    galaxy.image.save("", ContentFile(b"RIFF, a picture"))
    return galaxy


def test_data_is_everything_and_about_nobody_else(client: Client, ada: User, version: ModelVersion) -> None:
    made, other = generate(version, creator=ada), generate(version, creator=make_person("bo"))
    votes.toggle_vote(ada, other.public_id, "like")
    votes.toggle_vote(make_person("cy"), made.public_id, "dislike")
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    response = client.get("/me/data.zip")
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        account = json.loads(archive.read("account.json"))
        assert account["email"] == "ada@example.org"
        assert [session["ip"] for session in account["sessions"]] == ["127.0.0.1"]
        assert [each["galaxy"] for each in json.loads(archive.read("votes.json"))] == [other.public_id]
        recipes = json.loads(archive.read("recipes.json"))
        assert [(each["id"], each["seed"]) for each in recipes] == [(made.public_id, made.seed)]
        assert archive.read(f"images/nebulai-{made.public_id}.webp") == b"RIFF, a picture"
        assert not [name for name in archive.namelist() if other.public_id in name]


@pytest.mark.parametrize("choice", ["keep", "delete"])
def test_an_account_goes_with_its_votes_and_its_galaxies_as_chosen(
    client: Client, ada: User, version: ModelVersion, choice: str
) -> None:
    made, other = generate(version, creator=ada), generate(version)
    bo = make_person("bo")
    for person in (ada, bo):
        votes.toggle_vote(person, other.public_id, "like")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/me/delete", {"galaxies": choice})["Location"] == "/"
    assert not User.objects.filter(email="ada@example.org").exists()
    assert client.get("/me/").status_code == 302
    assert sums(other) == (1, 0)
    assert Vote.objects.count() == 1
    assert Galaxy.objects.filter(pk=made.pk, creator=None).exists() == (choice == "keep")
    assert made.image.storage.exists(str(made.image.name)) == (choice == "keep")


def test_without_a_choice_the_account_stays(client: Client, ada: User) -> None:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.post("/me/delete", {})
    assert response.status_code == 422
    assert "Choose what becomes" in response.content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_an_account_asks_for_the_password_again(client: Client, ada: User) -> None:
    assert client.get("/me/delete")["Location"].startswith("/accounts/reauthenticate/")
    assert client.post("/me/delete", {"galaxies": "keep"})["Location"].startswith("/accounts/reauthenticate/")
    assert User.objects.filter(pk=ada.pk).exists()


def test_staff_who_delete_somebody_leave_the_counts_right(client: Client, version: ModelVersion) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.org", PASSWORD))
    bo, galaxy = make_person("bo"), make_galaxy(model_version=version)
    votes.toggle_vote(bo, galaxy.public_id, "like")
    action = {"action": "delete_selected", "_selected_action": str(bo.pk), "post": "yes"}
    client.post("/admin/accounts/user/", action)
    assert not User.objects.filter(pk=bo.pk).exists()
    assert sums(galaxy) == (0, 0)
