import csv
import io
import re
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from accounts.models import User
from galaxies import listing, votes
from galaxies.generation import generate
from galaxies.models import Galaxy, ModelVersion, Vote
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person, sums

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def ada(client: Client) -> User:
    person = make_person("ada")
    client.force_login(person)
    return person


@pytest.fixture
def galaxy(version: ModelVersion) -> Galaxy:
    return make_galaxy(model_version=version)


def shown(client: Client, query: str = "") -> list[str]:
    response = client.get(f"/galaxies/{query}")
    assert response.status_code == 200
    return re.findall(r'data-galaxy-id="(\w{11})"', response.content.decode())


class TestGallery:
    def test_what_nobody_liked_or_published_is_not_there(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        published = make_galaxy(model_version=galaxy.model_version, published=True)
        assert shown(client) == [published.public_id]
        votes.toggle_vote(ada, galaxy.public_id, "dislike")
        assert shown(client) == [published.public_id]
        votes.toggle_vote(ada, galaxy.public_id, "like")
        assert set(shown(client)) == {published.public_id, galaxy.public_id}
        assert client.get(f"/g/{make_galaxy(model_version=galaxy.model_version).public_id}/").status_code == 200

    def test_new_is_by_age_and_best_by_the_lower_bound_of_the_share(
        self, client: Client, version: ModelVersion
    ) -> None:
        many, few, one = (make_galaxy(model_version=version).public_id for _ in range(3))
        people = [make_person(f"person{number}") for number in range(10)]
        for number, person in enumerate(people):
            votes.toggle_vote(person, many, "like" if number else "dislike")
        for person in people[:3]:
            votes.toggle_vote(person, few, "like")
        votes.toggle_vote(people[0], one, "like")
        assert shown(client) == [one, few, many]
        assert shown(client, "?order=best") == [many, few, one]  # shares: 0.9, 1, 1

    def test_one_family(self, client: Client, version: ModelVersion) -> None:
        here = make_galaxy(model_version=version, cluster=0, published=True)
        make_galaxy(model_version=version, cluster=1, published=True)
        assert shown(client, "?cluster=0") == shown(client, "?cluster=0&order=best") == [here.public_id]
        assert shown(client, "?cluster=5") == []

    def test_pages_hold_everything_once_and_link_to_each_other(self, client: Client, version: ModelVersion) -> None:
        made = {make_galaxy(model_version=version, published=True).public_id for _ in range(listing.PAGE_SIZE + 2)}
        for order in ("new", "best"):
            first, second = shown(client, f"?order={order}"), shown(client, f"?order={order}&page=2")
            assert (len(first), len(second)) == (listing.PAGE_SIZE, 2)
            assert {*first, *second} == made
        page = client.get("/galaxies/?order=best").content.decode()
        assert re.search(r'rel="next" href="\?order=best&amp;page=2"', page)
        page = client.get("/galaxies/?order=best&page=2").content.decode()
        assert re.search(r'rel="prev" href="\?order=best&amp;page=1"', page)
        assert 'rel="next"' not in page

    def test_htmx_gets_the_next_tiles_alone(self, client: Client, version: ModelVersion) -> None:
        for _ in range(listing.PAGE_SIZE + 1):
            make_galaxy(model_version=version, published=True)
        page = client.get("/galaxies/?page=2", headers=HTMX).content.decode()
        assert page.count("data-galaxy-id") == 1
        assert "<html" not in page

    @pytest.mark.parametrize(
        "query",
        ["?page=2", "?page=0", "?page=x", "?page=99999999999999999999", "?order=worst", "?cluster=-1", "?cluster=x"],
    )
    def test_a_page_that_is_not_there_is_404(self, client: Client, galaxy: Galaxy, query: str) -> None:
        response = client.get(f"/galaxies/{query}")
        assert response.status_code == 404
        assert b'class="wordmark"' in response.content

    def test_the_number_of_queries_does_not_depend_on_how_much_is_shown(
        self, client: Client, version: ModelVersion, ada: User, django_assert_num_queries: Any
    ) -> None:
        votes.toggle_vote(ada, make_galaxy(model_version=version).public_id, "like")
        client.get("/galaxies/")
        with django_assert_num_queries(6):
            client.get("/galaxies/")
        for _ in range(listing.PAGE_SIZE):
            votes.toggle_vote(ada, make_galaxy(model_version=version).public_id, "like")
        with django_assert_num_queries(6):
            client.get("/galaxies/?order=best")


class TestVote:
    def test_htmx_gets_the_vote_bar_alone(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        page = client.post(f"/g/{galaxy.public_id}/vote", {"value": "like"}, headers=HTMX).content.decode()
        assert page.strip().startswith('<form class="votes"')
        assert page.strip().endswith("</form>")
        assert re.search(r'value="like" aria-pressed="true">Like <span class="count">1<', page)
        assert re.search(r'value="dislike" aria-pressed="false">Dislike <span class="count">0<', page)
        assert sums(galaxy) == (1, 0)

    def test_a_plain_form_comes_back_to_where_it_was(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        response = client.post(f"/g/{galaxy.public_id}/vote", {"value": "like", "next": "/galaxies/?page=3#x"})
        assert response["Location"] == "/galaxies/?page=3#x"
        for unsafe in ("https://evil.example/", "//evil.example/", ""):
            response = client.post(f"/g/{galaxy.public_id}/vote", {"value": "like", "next": unsafe})
            assert response["Location"] == galaxy.get_absolute_url()

    def test_both_requests_of_a_double_click_are_one_vote(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        page = client.get(galaxy.get_absolute_url()).content.decode()
        seen = re.search(r'name="shown" value="(\w*)"', page)
        assert seen
        for _ in range(2):
            client.post(f"/g/{galaxy.public_id}/vote", {"value": "like", "shown": seen[1]})
        assert sums(galaxy) == (1, 0)

    @pytest.mark.parametrize("entrance", ["login", "signup"])
    def test_a_visitor_logs_in_and_comes_back_with_the_vote_cast(
        self, client: Client, galaxy: Galaxy, entrance: str
    ) -> None:
        response = client.post(f"/g/{galaxy.public_id}/vote", {"value": "dislike", "next": "/galaxies/"})
        assert not Vote.objects.exists()
        assert response["Location"] == f"/accounts/login/?next={galaxy.get_absolute_url()}"
        page = response["Location"].replace("login", entrance)
        assert f'name="next" value="{galaxy.get_absolute_url()}"' in client.get(page).content.decode()
        if entrance == "login":
            person = make_person("bo")
            person.set_password(PASSWORD)
            person.save()
        values = {"login": "bo@example.org", "password": PASSWORD, "email": "bo@example.org"}
        back = client.post(page, values | {"password1": PASSWORD, "password2": PASSWORD})
        assert back["Location"] == galaxy.get_absolute_url()
        assert sums(galaxy) == (0, 1)
        page = client.get(back["Location"]).content.decode()
        assert 'value="dislike" aria-pressed="true"' in page

    def test_htmx_takes_a_visitor_to_the_login(self, client: Client, galaxy: Galaxy) -> None:
        response = client.post(f"/g/{galaxy.public_id}/vote", {"value": "like"}, headers=HTMX)
        assert response["HX-Redirect"] == f"/accounts/login/?next={galaxy.get_absolute_url()}"

    def test_a_vote_cast_again_after_login_elsewhere_is_not_taken_back(self, client: Client, galaxy: Galaxy) -> None:
        client.post(f"/g/{galaxy.public_id}/vote", {"value": "like"})
        client.post("/accounts/signup/", {"email": "bo@example.org", "password1": PASSWORD, "password2": PASSWORD})
        client.post("/accounts/logout/")
        client.post(f"/g/{galaxy.public_id}/vote", {"value": "like"})
        client.post("/accounts/login/", {"login": "bo@example.org", "password": PASSWORD})
        assert sums(galaxy) == (1, 0)

    def test_on_what_is_gone_it_is_404_and_nothing_is_written(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        address = f"/g/{galaxy.public_id}/vote"
        galaxy.delete()
        assert client.post(address, {"value": "like"}).status_code == 404
        assert Client().post(address, {"value": "like"}).status_code == 404
        assert not Vote.objects.exists()

    def test_a_galaxy_that_goes_while_a_visitor_logs_in_is_no_error(self, client: Client, galaxy: Galaxy) -> None:
        client.post(f"/g/{galaxy.public_id}/vote", {"value": "like"})
        galaxy.delete()
        values = {"email": "bo@example.org", "password1": PASSWORD, "password2": PASSWORD}
        assert client.post("/accounts/signup/", values).status_code == 302
        assert not Vote.objects.exists()

    def test_by_get_it_is_405(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        assert client.get(f"/g/{galaxy.public_id}/vote?value=like").status_code == 405
        assert not Vote.objects.exists()

    @pytest.mark.parametrize("value", ["", "love", "LIKE"])
    def test_another_value_is_422(self, client: Client, galaxy: Galaxy, ada: User, value: str) -> None:
        assert client.post(f"/g/{galaxy.public_id}/vote", {"value": value}).status_code == 422
        assert not Vote.objects.exists()

    def test_only_with_the_token_of_the_page(self, galaxy: Galaxy) -> None:
        careful = Client(enforce_csrf_checks=True)
        careful.force_login(make_person("bo"))
        assert careful.post(f"/g/{galaxy.public_id}/vote", {"value": "like"}).status_code == 403


class TestOwnGalaxy:
    @pytest.mark.parametrize("action", ["publish", "delete"])
    def test_others_may_not(self, client: Client, galaxy: Galaxy, ada: User, action: str) -> None:
        Galaxy.objects.update(creator=make_person("bo"))
        assert client.post(f"/g/{galaxy.public_id}/{action}").status_code == 403
        response = Client().post(f"/g/{galaxy.public_id}/{action}")
        assert response["Location"] == f"/accounts/login/?next={galaxy.get_absolute_url()}"
        assert client.get(f"/g/{galaxy.public_id}/{action}").status_code == 405
        assert client.post(f"/g/aaaaaaaaaaa/{action}").status_code == 404
        assert Galaxy.objects.filter(published=False).exists()
        assert ">Delete" not in client.get(galaxy.get_absolute_url()).content.decode()

    def test_nobody_s_galaxy_belongs_to_no_visitor(self, client: Client, galaxy: Galaxy) -> None:
        assert ">Delete" not in client.get(galaxy.get_absolute_url()).content.decode()
        assert client.post(f"/g/{galaxy.public_id}/delete").status_code == 302
        assert Galaxy.objects.exists()

    def test_publish_and_take_back(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        Galaxy.objects.update(creator=ada)
        assert "Publish in the gallery" in client.get(galaxy.get_absolute_url()).content.decode()
        client.post(f"/g/{galaxy.public_id}/publish", {"published": "1"})
        assert shown(client) == [galaxy.public_id]
        client.post(f"/g/{galaxy.public_id}/publish", {"published": "0"})
        assert shown(client) == []

    def test_delete_takes_the_file_and_the_votes_along(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        galaxy.creator = ada
        galaxy.image.save("", ContentFile(b"RIFF"))
        votes.toggle_vote(ada, galaxy.public_id, "like")
        assert client.post(f"/g/{galaxy.public_id}/delete")["Location"] == "/me/"
        assert client.get(galaxy.get_absolute_url()).status_code == 404
        assert not Vote.objects.exists()
        assert not galaxy.image.storage.exists(str(galaxy.image.name))


class TestZip:
    def unpack(self, response: Any) -> tuple[dict[str, bytes], list[dict[str, str]]]:
        assert response.streaming
        with ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
            assert archive.testzip() is None
            files = {name: archive.read(name) for name in archive.namelist()}
        return files, list(csv.DictReader(io.StringIO(files.pop("recipes.csv").decode())))

    @pytest.mark.parametrize("kind", ["png", "webp", "fits"])
    def test_files_and_their_recipes(
        self, client: Client, generator: Service, version: ModelVersion, kind: str
    ) -> None:
        made = [generate(version, cluster=1, seed=seed, psi=0.5) for seed in (1, 2)]
        ids = [galaxy.public_id for galaxy in made]
        files, recipes = self.unpack(client.post("/galaxies/zip", {"id": [*ids, ids[0]], "kind": kind}))
        assert set(files) == {f"nebulai-{each}.{kind}" for each in ids}
        assert {line["file"] for line in recipes} == set(files)
        assert {(line["id"], line["seed"]) for line in recipes} == {(ids[0], "1"), (ids[1], "2")}
        assert recipes[0]["bundle"] == version.checksum
        if kind == "png":
            picture = Image.open(io.BytesIO(files[f"nebulai-{ids[0]}.png"]))
            assert '"seed": 1' in str(picture.info["Recipe"])

    def test_what_has_gone_meanwhile_is_left_out(
        self, client: Client, generator: Service, version: ModelVersion
    ) -> None:
        made = generate(version, cluster=1, seed=1, psi=0.5)
        files, recipes = self.unpack(
            client.post("/galaxies/zip", {"id": [made.public_id, "aaaaaaaaaaa", "aaaaa\x00aaaaa", "x"]})
        )
        assert list(files) == [f"nebulai-{made.public_id}.png"]
        assert len(recipes) == 1

    @pytest.mark.parametrize(
        ("ids", "message"),
        [
            ([], "Select a galaxy first."),
            (["aaaaaaaaaaa"], "None of these galaxies is there any more"),
            ([f"{number:011}" for number in range(201)], "One zip holds 200 galaxies at most"),
        ],
    )
    def test_none_and_too_many_are_422_with_the_message(self, client: Client, ids: list[str], message: str) -> None:
        response = client.post("/galaxies/zip", {"id": ids})
        assert response.status_code == 422
        assert message in response.content.decode()

    def test_by_get_it_is_405(self, client: Client) -> None:
        assert client.get("/galaxies/zip").status_code == 405


def test_a_galaxy_s_page_can_be_shared(client: Client, galaxy: Galaxy) -> None:
    page = client.get(galaxy.get_absolute_url()).content.decode()
    tags = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]+)"', page))
    assert tags["url"] == f"http://testserver/g/{galaxy.public_id}/"
    assert tags["image"] == f"http://testserver/g/{galaxy.public_id}.png"
    assert {"title", "description", "type"} <= set(tags)
    assert f'data-copy-link="{galaxy.get_absolute_url()}"' in page
    assert f'href="/?cluster=1&amp;seed={galaxy.seed}&amp;psi={galaxy.psi}"' in page
