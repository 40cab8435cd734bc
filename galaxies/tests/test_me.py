from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.models import User
from galaxies import listing, makers, votes
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy

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
        assert shown(client, f"?show={show}&family=old:0") == [there.public_id]


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
        with django_assert_num_queries(8):
            client.get(f"/me/?show={show}")
        for _ in range(listing.PAGE_SIZE):
            votes.toggle_vote(ada, make_galaxy(model_version=version, creator=ada).public_id, "like")
        with django_assert_num_queries(8):
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


def own(person: User, version: ModelVersion, number: int) -> list[Galaxy]:
    galaxies = [make_galaxy(model_version=version, creator=person, seed=seed, image="x.webp") for seed in range(number)]
    makers.add(galaxies, person)
    return galaxies


def test_several_are_published_taken_back_and_deleted_after_a_question(
    client: Client, ada: User, version: ModelVersion
) -> None:
    one, two, three = own(ada, version, 3)
    chosen = {"id": [one.public_id, two.public_id], "next": "/me/?show=made"}
    for do, published in (("publish", [True, True, False]), ("take_back", [False] * 3)):
        assert client.post("/me/change", chosen | {"do": do})["Location"] == "/me/?show=made"
        assert list(Galaxy.objects.order_by("seed").values_list("published", flat=True)) == published
    page = client.post("/me/change", chosen | {"do": "delete"}).content.decode()
    assert "Delete 2 galaxies?" in page
    assert Galaxy.objects.count() == 3
    client.post("/me/change", chosen | {"do": "delete", "confirmed": "1"})
    assert list(Galaxy.objects.all()) == [three]


def test_only_one_s_own_are_changed(client: Client, ada: User, version: ModelVersion) -> None:
    (mine,) = own(ada, version, 1)
    other = make_galaxy(model_version=version, seed=99)
    client.post("/me/change", {"id": [mine.public_id, other.public_id], "do": "publish"})
    assert list(Galaxy.objects.filter(published=True)) == [mine]
    response = client.post("/me/change", {"id": [other.public_id], "do": "delete", "confirmed": "1"})
    assert response.status_code == 422
    assert "None of these galaxies is yours" in response.content.decode()
    for wrong in ({"do": "publish"}, {"id": [mine.public_id], "do": "paint"}, {"id": [mine.public_id]}):
        assert client.post("/me/change", wrong).status_code == 422


def test_all_of_a_page_are_selected_without_javascript(client: Client, ada: User, version: ModelVersion) -> None:
    own(ada, version, 3)
    page = client.get("/me/?select=all").content.decode()
    assert page.count('form="zip" checked') == 3
    assert 'form="zip" checked' not in client.get("/me/").content.decode()
    assert 'name="next" value="/me/?"' in page


def test_after_a_deletion_the_place_is_kept(client: Client, ada: User, version: ModelVersion) -> None:
    *rest, second, first = own(ada, version, listing.PAGE_SIZE + 1)
    page = client.get("/me/?show=made").content.decode()
    assert f'value="/me/?show=made#tile-{second.public_id}"' in page  # the first of the list, then the one after it
    place = f"/me/?show=made#tile-{second.public_id}"
    assert client.post(f"/g/{first.public_id}/delete", {"next": place})["Location"] == place
    makers.add([make_galaxy(model_version=version, creator=ada, seed=1000, image="x.webp")], ada)
    last = client.post(f"/g/{rest[0].public_id}/delete", {"next": "/me/?page=2&show=made"})
    assert last["Location"] == "/me/?page=1&show=made"  # page 2 is empty now
    assert client.get(last["Location"]).status_code == 200
