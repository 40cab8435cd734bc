"""Collections: what their owner can do with them, and who else sees what."""

import json
import re
from io import BytesIO
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from PIL import Image

from accounts.models import User
from galaxies import collections
from galaxies.collections import Move
from galaxies.models import Collection, Galaxy
from galaxies.tests.factories import make_galaxy, make_person, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> User:
    person = make_person("ada")
    client.force_login(person)
    return person


@pytest.fixture
def galaxies() -> list[Galaxy]:
    """Four galaxies with WebP files."""
    version = make_version(is_active=True)
    made = [make_galaxy(model_version=version, seed=seed, published=True) for seed in range(4)]
    for galaxy in made:
        buffer = BytesIO()
        Image.new("RGB", (64, 64)).save(buffer, "WEBP")
        galaxy.image.save("", ContentFile(buffer.getvalue()))
    return made


@pytest.fixture
def shelf(ada: User, galaxies: list[Galaxy]) -> Collection:
    """Ada's private collection of the four."""
    made = collections.create(ada, "Blue ones")
    collections.add(made, galaxies)
    return made


def shown(client: Client, collection: Collection) -> list[str]:
    page = client.get(collection.get_absolute_url()).content.decode()
    return re.findall(r'data-galaxy-id="(\w{11})"', page)


def test_it_is_made_named_and_deleted(client: Client, ada: User) -> None:
    address = client.post("/me/collections/", {"name": " Needles "})["Location"]
    made = Collection.objects.get()
    assert (made.name, made.owner, made.is_public) == ("Needles", ada, False)
    assert address == f"/c/{made.public_id}/"
    assert "Only you can see it" in client.get(address).content.decode()
    assert client.post(f"{address}change", {"name": "Thin", "is_public": "on"})["Location"] == address
    page = client.get(address).content.decode()
    assert f"http://testserver{address}" in page
    assert ">Thin</a>" in client.get("/me/collections/").content.decode()
    assert client.post(f"{address}delete")["Location"] == "/me/collections/"
    assert not Collection.objects.exists()


def test_selected_galaxies_are_put_into_one_and_a_new_one(
    client: Client, ada: User, galaxies: list[Galaxy], shelf: Collection
) -> None:
    assert f'value="{shelf.public_id}"' in client.get("/galaxies/").content.decode()
    assert f'value="{shelf.public_id}"' in client.get(galaxies[0].get_absolute_url()).content.decode()
    ids = [galaxy.public_id for galaxy in galaxies[:2]]
    address = client.post("/me/collections/add", {"id": ids})["Location"]
    new = Collection.objects.exclude(pk=shelf.pk).get()
    assert address == new.get_absolute_url()
    assert "2 galaxies are now in New collection." in client.get(address).content.decode()
    client.post("/me/collections/add", {"id": ids, "collection": shelf.public_id})
    assert shown(client, shelf) == [galaxy.public_id for galaxy in galaxies]


def test_its_order_is_its_owner_s(client: Client, shelf: Collection, galaxies: list[Galaxy]) -> None:
    def arrange(place: int, how: Move) -> list[int]:
        galaxy = galaxies[place]
        response = client.post(f"/c/{shelf.public_id}/arrange", {"galaxy": galaxy.public_id, "move": how})
        assert response["Location"] == f"/c/{shelf.public_id}/#{galaxy.public_id}"
        return [galaxy.seed for galaxy in shelf.galaxies]

    assert arrange(0, Move.DOWN) == [1, 0, 2, 3]
    assert arrange(3, Move.UP) == [1, 0, 3, 2]
    assert arrange(2, Move.FIRST) == [2, 1, 0, 3]
    assert arrange(2, Move.UP) == [2, 1, 0, 3]
    assert arrange(3, Move.DOWN) == [2, 1, 0, 3]
    assert arrange(1, Move.REMOVE) == [2, 0, 3]
    assert arrange(1, Move.REMOVE) == [2, 0, 3]
    assert [item.position for item in shelf.items.all()] == [1, 2, 3]
    assert client.post(f"/c/{shelf.public_id}/arrange", {"move": "sideways"}).status_code == 422


def test_a_private_one_is_its_owner_s_alone_and_a_public_one_everybody_s(
    client: Client, shelf: Collection, galaxies: list[Galaxy]
) -> None:
    address, visitor, other = shelf.get_absolute_url(), Client(), Client()
    other.force_login(make_person("bo"))
    for who in (visitor, other):
        assert who.get(address).status_code == 404
        assert who.get(f"{address[:-1]}.zip").status_code == 404
    Collection.objects.update(is_public=True)
    for who in (visitor, other):
        assert shown(who, shelf) == [galaxy.public_id for galaxy in galaxies]
        assert "arrange" not in who.get(address).content.decode()
        for act in ("change", "arrange", "delete"):
            response = who.post(f"{address}{act}", {"name": "mine", "move": "remove", "galaxy": galaxies[0].public_id})
            assert response.status_code == (302 if who is visitor else 404)
    assert (
        other.post("/me/collections/add", {"id": galaxies[0].public_id, "collection": shelf.public_id}).status_code
        == 422
    )
    shelf.refresh_from_db()
    assert (shelf.name, shelf.items.count()) == ("Blue ones", 4)


def test_the_zip_has_its_galaxies_in_its_order(client: Client, shelf: Collection, galaxies: list[Galaxy]) -> None:
    collections.move(shelf, galaxies[3], Move.FIRST)
    response = client.get(f"/c/{shelf.public_id}.zip?kind=webp")
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    ids = [galaxies[place].public_id for place in (3, 0, 1, 2)]
    assert ZipFile(BytesIO(content)).namelist() == [*(f"nebulai-{each}.webp" for each in ids), "recipes.csv"]
    assert client.get(f"/c/{shelf.public_id}.zip?kind=exe").status_code == 404


def test_bad_names_are_told_beside_their_field(client: Client, shelf: Collection) -> None:
    for name, says in (("", "Give the collection a name."), ("x" * 81, "80 characters at most")):
        for address in ("/me/collections/", f"/c/{shelf.public_id}/change"):
            response = client.post(address, {"name": name})
            assert response.status_code == 422
            assert re.search(rf'id="name-error"[^>]*>[^<]*{says}', response.content.decode())
    assert Collection.objects.get().name == "Blue ones"


def test_there_is_an_end_to_both(client: Client, shelf: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "MOST", 1)
    monkeypatch.setattr(collections, "LARGEST", 4)
    more = make_galaxy(seed=77)
    for into, says in ((shelf.public_id, "4 galaxies at most"), ("", "all one person can have")):
        response = client.post("/me/collections/add", {"id": more.public_id, "collection": into})
        assert response.status_code == 422
        assert says in response.content.decode()
    assert shelf.items.count() == 4


def test_a_deleted_galaxy_leaves_and_a_person_s_data_have_them(
    client: Client, shelf: Collection, galaxies: list[Galaxy]
) -> None:
    galaxies[0].delete()
    assert [galaxy.seed for galaxy in shelf.galaxies] == [1, 2, 3]
    content = b"".join(client.get("/me/data.zip").streaming_content)  # type: ignore[attr-defined]
    kept = json.loads(ZipFile(BytesIO(content)).read("collections.json"))
    assert kept[0]["name"] == "Blue ones"
    assert kept[0]["galaxies"] == [galaxy.public_id for galaxy in galaxies[1:]]
