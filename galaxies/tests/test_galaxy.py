import re

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.utils.html import escape

from accounts.models import User
from galaxies import makers, votes
from galaxies.models import Galaxy, ModelVersion, Vote
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


def test_a_galaxy_s_page_can_be_shared(client: Client, galaxy: Galaxy) -> None:
    page = client.get(galaxy.get_absolute_url()).content.decode()
    tags = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]+)"', page))
    assert tags["url"] == f"http://testserver/g/{galaxy.public_id}/"
    assert tags["image"] == f"http://testserver/g/{galaxy.public_id}/card.jpg"
    assert {"title", "description", "type"} <= set(tags)
    assert f'data-copy-link="{galaxy.get_absolute_url()}"' in page
    assert f'href="{escape(galaxy.studio_url)}"' in page


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
        assert response["Location"] == "/accounts/login/?next=/galaxies/"
        page = response["Location"].replace("login", entrance)
        assert 'name="next" value="/galaxies/"' in client.get(page).content.decode()
        if entrance == "login":
            person = make_person("bo")
            person.set_password(PASSWORD)
            person.save()
        values = {"login": "bo@example.org", "password": PASSWORD, "email": "bo@example.org"}
        back = client.post(page, values | {"password1": PASSWORD, "password2": PASSWORD})
        assert back["Location"] == "/galaxies/"
        assert sums(galaxy) == (0, 1)
        page = client.get(galaxy.get_absolute_url()).content.decode()
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
        makers.add([galaxy], make_person("bo"))
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
        makers.add([galaxy], ada)
        assert "Publish in the gallery" in client.get(galaxy.get_absolute_url()).content.decode()
        client.post(f"/g/{galaxy.public_id}/publish", {"published": "1"})
        assert shown(client) == [galaxy.public_id]
        client.post(f"/g/{galaxy.public_id}/publish", {"published": "0"})
        assert shown(client) == []

    def test_delete_takes_the_file_and_the_votes_along(self, client: Client, galaxy: Galaxy, ada: User) -> None:
        makers.add([galaxy], ada)
        galaxy.image.save("", ContentFile(b"RIFF"))
        votes.toggle_vote(ada, galaxy.public_id, "like")
        assert client.post(f"/g/{galaxy.public_id}/delete")["Location"] == "/me/"
        assert client.get(galaxy.get_absolute_url()).status_code == 404
        assert not Vote.objects.exists()
        assert not galaxy.image.storage.exists(str(galaxy.image.name))
