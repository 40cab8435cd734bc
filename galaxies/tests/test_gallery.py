import csv
import io
import re
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client
from PIL import Image

from accounts.models import User
from galaxies import listing, votes
from galaxies.generation import generate
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person, make_version

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

    def test_a_family_is_one_of_its_model(self, client: Client, version: ModelVersion) -> None:
        older = make_version(
            "older", families=[family | {"name": f"Once {family['id']}"} for family in version.families]
        )
        here, there = (make_galaxy(model_version=each, cluster=0, published=True) for each in (version, older))
        assert shown(client) == [there.public_id, here.public_id]
        assert shown(client, "?cluster=0") == [here.public_id]
        for query in ("?version=older&cluster=0", "?family=older:0", "?family=older:", "?version=older"):
            assert shown(client, query) == shown(client, f"{query}&order=best") == [there.public_id]
        assert shown(client, "?family=older:1") == []
        page = client.get("/galaxies/?family=older:0").content.decode()
        assert '<option value="older:0" selected>Once 0</option>' in page
        assert f'<option value="{version}:0">{version.family(0)["name"]}</option>' in page
        for query in ("?family=nowhere:0", "?family=older:x", "?family=%00", "?version=nowhere"):
            assert client.get(f"/galaxies/{query}").status_code == 404

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

    def test_a_late_page_is_found_as_an_early_one(self, version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
        for _ in range(3 * listing.PAGE_SIZE - 5):
            make_galaxy(model_version=version, published=True)
        pages = {}
        for late in (listing.LATE, listing.PAGE_SIZE):
            monkeypatch.setattr(listing, "LATE", late)
            pages[late] = [listing.page_of(Galaxy.objects.gallery("new"), number, None) for number in (1, 2, 3)]
            with pytest.raises(listing.NoSuchPage):
                listing.page_of(Galaxy.objects.gallery("new"), 4, None)
        early, late_too = pages.values()
        assert early == late_too
        assert [page.has_next for page in early] == [True, True, False]

    def test_the_number_of_queries_does_not_depend_on_how_much_is_shown(
        self, client: Client, version: ModelVersion, ada: User, django_assert_num_queries: Any
    ) -> None:
        votes.toggle_vote(ada, make_galaxy(model_version=version).public_id, "like")
        client.get("/galaxies/")
        with django_assert_num_queries(7):
            client.get("/galaxies/")
        for _ in range(listing.PAGE_SIZE):
            votes.toggle_vote(ada, make_galaxy(model_version=version).public_id, "like")
        with django_assert_num_queries(7):
            client.get("/galaxies/?order=best")


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
            ([f"{number:011}" for number in range(201)], "Select 200 galaxies at most at a time; these are 201."),
        ],
    )
    def test_none_and_too_many_are_422_with_the_message(self, client: Client, ids: list[str], message: str) -> None:
        response = client.post("/galaxies/zip", {"id": ids})
        assert response.status_code == 422
        assert message in response.content.decode()

    def test_by_get_it_is_405(self, client: Client) -> None:
        assert client.get("/galaxies/zip").status_code == 405
