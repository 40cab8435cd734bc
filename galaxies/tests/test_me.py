import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.test import Client

from accounts.models import User
from galaxies import listing, votes
from galaxies.models import Galaxy, ModelVersion, Vote
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person, sums

pytestmark = pytest.mark.django_db
PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def ada(client: Client) -> User:
    person = User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
    client.force_login(person)
    return person


def shown(client: Client, query: str = "") -> list[str]:
    response = client.get(f"/me/{query}")
    assert response.status_code == 200
    return [galaxy.public_id for galaxy in response.context["page"].items]


def generate(version: ModelVersion, **values: Any) -> Galaxy:
    galaxy = make_galaxy(model_version=version, **values)
    galaxy.image.save("", ContentFile(b"RIFF, a picture"))
    return galaxy


def test_visitors_log_in_first(client: Client) -> None:
    assert client.get("/me/")["Location"] == "/accounts/login/?next=/me/"


def test_what_one_made_and_what_one_liked_newest_first(client: Client, ada: User, version: ModelVersion) -> None:
    made = [make_galaxy(model_version=version, creator=ada).public_id for _ in range(3)]
    others = [make_galaxy(model_version=version).public_id for _ in range(3)]
    for each in (others[2], others[0]):
        votes.toggle_vote(ada, each, "like")
    votes.toggle_vote(ada, others[1], "dislike")
    assert shown(client) == made[::-1]
    assert shown(client, "?show=liked") == [others[0], others[2]]


def test_filters_by_family_and_version(client: Client, ada: User, version: ModelVersion) -> None:
    old = ModelVersion.objects.create(
        version="old", n_clusters=2, resolution=64, checksum="0" * 64, families=version.families
    )
    here = make_galaxy(model_version=version, creator=ada, cluster=1)
    there = make_galaxy(model_version=old, creator=ada, cluster=0)
    for galaxy in (here, there):
        votes.toggle_vote(ada, galaxy.public_id, "like")
    for show in ("made", "liked"):
        assert shown(client, f"?show={show}&cluster=0") == [there.public_id]
        assert shown(client, f"?show={show}&version={version}") == [here.public_id]
        assert shown(client, f"?show={show}&cluster=0&version={version}") == []


@pytest.mark.parametrize("query", ["?page=2", "?page=0", "?show=all", "?cluster=x", "?version=nowhere", "?version=%00"])
def test_a_page_that_is_not_there_is_404(client: Client, ada: User, version: ModelVersion, query: str) -> None:
    make_galaxy(model_version=version, creator=ada)
    assert client.get(f"/me/{query}").status_code == 404


def test_the_number_of_queries_does_not_depend_on_how_much_is_shown(
    client: Client, ada: User, version: ModelVersion, django_assert_num_queries: Any
) -> None:
    for show in ("made", "liked"):
        make_galaxy(model_version=version, creator=ada)
        for galaxy in Galaxy.objects.all():
            votes.toggle_vote(ada, galaxy.public_id, "like", shown="")
        client.get(f"/me/?show={show}")
        with django_assert_num_queries(7):
            client.get(f"/me/?show={show}")
        for _ in range(listing.PAGE_SIZE):
            votes.toggle_vote(ada, make_galaxy(model_version=version, creator=ada).public_id, "like")
        with django_assert_num_queries(7):
            client.get(f"/me/?show={show}")


def test_what_was_made_in_this_visit_becomes_one_s_own_on_login_or_signup(client: Client, generator: Service) -> None:
    client.post("/generate", {"cluster": "1"})
    first = Galaxy.objects.get()
    assert first.creator is None
    client.post("/accounts/signup/", {"email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD})
    client.post("/accounts/logout/")
    client.post(f"/g/{first.public_id}/vary")
    stranger = Client()
    stranger.post("/generate", {"cluster": "1"})
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert Galaxy.objects.filter(creator__email="ada@example.org").count() == 2
    assert Galaxy.objects.filter(creator=None).count() == 1


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
        assert [(each["id"], each["seed"]) for each in recipes] == [(made.public_id, 42)]
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
