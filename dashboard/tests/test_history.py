import csv
import io
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from dashboard.history import query as history_query
from galaxies import makers, votes
from galaxies.models import Galaxy, ModelVersion
from galaxies.tests.factories import make_galaxy, make_person, make_version

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 3, 13, 12, tzinfo=UTC)
SORTS = [f"{sign}{name}" for name in ("created", "likes", "dislikes") for sign in ("", "-")]


@pytest.fixture
def staff(client: Client) -> User:
    person = User.objects.create(username="staff", email="staff@example.org", is_staff=True)
    client.force_login(person)
    return person


@pytest.fixture
def version() -> ModelVersion:
    return make_version("one", is_active=True)


def shown(client: Client, query: str = "", **headers: str) -> list[str]:
    response = client.get(f"/dashboard/history/{query}", headers=headers)
    assert response.status_code == 200
    return re.findall(r'data-galaxy-id="(\w{11})"', response.content.decode())


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    response: Any = client.get(f"/dashboard/history.csv{query}")
    assert response.streaming
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


@pytest.fixture
def crowd(version: ModelVersion) -> list[Galaxy]:
    """Forty galaxies of all kinds: two versions and families, three makers and none, five days, any votes."""
    versions, people = [version, make_version("two")], [make_person(name) for name in ("ada", "bo", "cleo")]
    made = []
    for number in range(40):
        made.append(
            make_galaxy(
                model_version=versions[number % 2],
                cluster=number // 2 % 2,
                creator=[None, *people][number % 4 if number < 30 else 1],
                created=NOON + timedelta(hours=3 * number),
            )
        )
        for place, person in enumerate(people):
            if value := ("", "like", "dislike")[(number + place * number) % 3]:
                votes.toggle_vote(person, made[-1].public_id, value)
    return list(Galaxy.objects.order_by("pk"))


@pytest.mark.parametrize("address", ["/dashboard/history/", "/dashboard/history.csv"])
def test_only_staff_may_see_it(client: Client, address: str) -> None:
    assert client.get(address)["Location"] == f"/accounts/login/?next={address}"
    person = make_person("ada")
    client.force_login(person)
    assert client.get(address).status_code == 403
    User.objects.filter(pk=person.pk).update(is_staff=True)
    assert client.get(address).status_code == 200


def test_a_row_tells_what_is_known_of_a_galaxy(client: Client, staff: User, version: ModelVersion) -> None:
    galaxy = make_galaxy(model_version=version, creator=make_person("ada"), created=NOON, seed=77, psi=0.65)
    votes.toggle_vote(staff, galaxy.public_id, "like")
    make_galaxy(model_version=version, cluster=9)
    page = client.get("/dashboard/history/").content.decode()
    row = re.findall(r"<tr data-.*?</tr>", page, re.DOTALL)[1]
    text = re.sub(r"<[^>]+>|\s+", " ", row).split()
    assert text == ["13", "Mar", "2026", "12:00:00", "Kind", "1", "one", "ada@example.org", "1", "0", "0.65", "77"]
    assert f'src="/g/{galaxy.public_id}.webp"' in row
    assert ">visitor</a>" in page
    assert "Family 9" in page


FILTERS: dict[str, list[tuple[str, Any]]] = {
    "days": [
        ("", lambda _: True),
        ("since=2026-03-14", lambda galaxy: galaxy.created.day >= 14),
        ("since=2026-03-14&until=2026-03-15", lambda galaxy: galaxy.created.day in (14, 15)),
    ],
    "kind": [
        ("", lambda _: True),
        ("version=two", lambda galaxy: galaxy.model_version.version == "two"),
        ("family=one:1", lambda galaxy: galaxy.model_version.version == "one" and galaxy.cluster == 1),
    ],
    "who": [
        ("", lambda _: True),
        ("who=visitor", lambda galaxy: galaxy.creator is None),
        ("who=Ada@example.org", lambda galaxy: galaxy.creator and galaxy.creator.email == "ada@example.org"),
    ],
    "votes": [
        ("", lambda _: True),
        ("votes=any", lambda galaxy: galaxy.likes or galaxy.dislikes),
        ("votes=liked", lambda galaxy: galaxy.likes),
        ("votes=disliked", lambda galaxy: galaxy.dislikes),
        ("votes=none", lambda galaxy: not galaxy.likes and not galaxy.dislikes),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("scan", [5, 1000])
def test_filters_and_sorts_together_find_what_they_should(
    client: Client, staff: User, crowd: list[Galaxy], monkeypatch: pytest.MonkeyPatch, scan: int
) -> None:
    monkeypatch.setattr(history_query, "SCAN", scan)
    for number, chosen in enumerate(product(*FILTERS.values())):
        sort = SORTS[number % len(SORTS)]
        query = "&".join([f"sort={sort}", *(text for text, _ in chosen if text)])
        expected = [galaxy for galaxy in crowd if all(fits(galaxy) for _, fits in chosen)]
        expected.sort(key=lambda galaxy: (getattr(galaxy, sort.lstrip("-")), galaxy.pk), reverse=sort[0] == "-")
        response = client.get(f"/dashboard/history/?{query}")
        assert response.status_code == 200
        found = re.findall(r'data-galaxy-id="(\w{11})"', response.content.decode())
        ids = [galaxy.public_id for galaxy in expected]
        if b"look through no more than" in response.content:
            assert scan == 5
            assert found == [each for each in ids if each in found]
        else:
            assert found == ids, query
        aged = sorted(expected, key=lambda galaxy: galaxy.created, reverse=sort != "created")
        assert [row["id"] for row in exported(client, f"?{query}")] == [galaxy.public_id for galaxy in aged], query


def test_what_takes_too_long_to_look_through_says_how_far_it_came(
    client: Client, staff: User, crowd: list[Galaxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_query, "SCAN", 10)
    page = client.get("/dashboard/history/?votes=none").content.decode()
    # 10 galaxies at 3 hours each: the newest of 18 March 9:00, the last of them 27 hours before
    assert "found back to 17 Mar 2026" in page
    assert 'href="?votes=none&amp;until=2026-03-17"' in page
    page = client.get("/dashboard/history/?votes=none&sort=created").content.decode()
    assert 'href="?votes=none&amp;sort=created&amp;since=2026-03-14"' in page
    assert "Choose fewer days" in client.get("/dashboard/history/?version=one&sort=likes").content.decode()


def test_headings_sort_and_say_how_it_is_sorted(client: Client, staff: User, crowd: list[Galaxy]) -> None:
    def headings(query: str) -> dict[str, tuple[str, str]]:
        page = client.get(f"/dashboard/history/{query}").content.decode()
        found = re.findall(r'aria-sort="(\w+)"[^>]*><a href="([^"]+)"[^>]*>(\w+)<', page)
        return {label: (state, address) for state, address, label in found}

    plain = headings("?version=one&page=1")
    assert plain["Made"] == ("descending", "?version=one&amp;sort=created")
    assert plain["Likes"] == ("none", "?version=one&amp;sort=-likes")
    assert headings("?sort=-likes")["Likes"] == ("descending", "?sort=likes")
    assert headings("?sort=likes")["Likes"] == ("ascending", "?sort=-likes")
    assert headings("?sort=likes")["Made"] == ("none", "?sort=-created")


def test_pages_hold_everything_once_and_keep_the_filters(
    client: Client, staff: User, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_query, "PAGE_SIZE", 4)
    made = {make_galaxy(model_version=version).public_id for _ in range(10)}
    for sort in SORTS:
        pages = [shown(client, f"?sort={sort}&version=one&page={number}") for number in (1, 2, 3)]
        assert [len(page) for page in pages] == [4, 4, 2]
        assert {each for page in pages for each in page} == made
    page = client.get("/dashboard/history/?version=one&page=2").content.decode()
    assert 'rel="next" href="?version=one&amp;page=3"' in page
    assert 'rel="prev" href="?version=one&amp;page=1"' in page
    assert 'href="/dashboard/history.csv?version=one"' in page
    monkeypatch.setattr(history_query, "MAX_PAGE", 2)
    page = client.get("/dashboard/history/?page=2").content.decode()
    assert 'rel="next"' not in page


def test_htmx_gets_filters_and_table_alone(client: Client, staff: User, crowd: list[Galaxy]) -> None:
    response = client.get("/dashboard/history/?version=one", headers=HTMX)
    assert response.content.decode().strip().startswith('<div id="history">')
    assert "HX-Request" in response["Vary"]
    assert "HX-Request" in client.get("/dashboard/history/")["Vary"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?since=tomorrow", "Write a day as year, month and day"),
        ("?since=2026-03-10&until=2026-03-01", "lies before the first"),
        ("?who=nobody@example.org", "Nobody here has this address"),
        ("?who=%00", "Null characters are not allowed"),
        ("?version=nowhere", "nowhere is not one of the available choices"),
        ("?family=one:9", "one:9 is not one of the available choices"),
        ("?family=two:1&version=one", "This is a family of two, not of one."),
        ("?votes=many", "many is not one of the available choices"),
    ],
)
def test_filters_that_cannot_be_read_are_a_sentence(
    client: Client, staff: User, version: ModelVersion, query: str, sentence: str
) -> None:
    make_version("two")
    for headers in ({}, HTMX):
        response = client.get(f"/dashboard/history/{query}", headers=headers)
        assert response.status_code == 422
        assert sentence in response.content.decode()
    response = client.get(f"/dashboard/history.csv{query}")
    assert (response.status_code, sentence in response.content.decode()) == (422, True)


@pytest.mark.parametrize("query", ["?page=2", "?page=0", "?page=x", "?page=201", "?sort=seed", "?sort=%00"])
def test_a_page_that_is_not_there_is_404(client: Client, staff: User, version: ModelVersion, query: str) -> None:
    assert client.get(f"/dashboard/history/{query}").status_code == 404


@pytest.mark.parametrize("query", ["?since=0001-01-01&until=9999-12-31", "?who=", "?version=&family=&votes=&x=1"])
def test_odd_filters_have_an_answer(client: Client, staff: User, crowd: list[Galaxy], query: str) -> None:
    assert len(shown(client, query)) == 40


def test_an_empty_site_says_so(client: Client, staff: User) -> None:
    assert "No galaxy has been made yet" in client.get("/dashboard/history/").content.decode()
    assert exported(client) == []


def test_two_people_with_one_address_are_both_found(client: Client, staff: User, version: ModelVersion) -> None:
    twins = [User.objects.create(username=name, email="same@example.org") for name in ("one", "two")]
    made = {make_galaxy(model_version=version, creator=person).public_id for person in twins}
    make_galaxy(model_version=version)
    assert set(shown(client, "?who=same@example.org")) == made
    assert set(shown(client, "?who=same@example.org&votes=none&sort=-likes")) == made


def test_all_makers_of_a_galaxy_find_it(
    client: Client, staff: User, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bo, cleo = (make_person(name) for name in ("ada", "bo", "cleo"))
    first, again, cleos = (
        make_galaxy(model_version=version, creator=person, created=NOON + timedelta(days=number))
        for number, person in enumerate([ada, ada, cleo])
    )
    makers.add([again, cleos], bo)
    found = [cleos.public_id, again.public_id]
    for scan in (history_query.SCAN, 2, 1):  # also where a person made more than is looked through
        monkeypatch.setattr(history_query, "SCAN", scan)
        assert shown(client, "?who=bo@example.org") == found[:scan]
        assert shown(client, "?who=bo@example.org&sort=created&until=2026-03-14") == [again.public_id]
    monkeypatch.undo()
    assert shown(client, "?who=ada@example.org") == [again.public_id, first.public_id]
    assert shown(client, "?who=visitor") == []
    assert [row["id"] for row in exported(client, "?who=bo@example.org")] == found
    page = client.get("/dashboard/history/?who=bo@example.org").content.decode()
    assert page.count("and 1 other<") == 2


def test_the_number_of_queries_does_not_depend_on_how_much_is_shown(
    client: Client, staff: User, version: ModelVersion, django_assert_num_queries: Any
) -> None:
    make_galaxy(model_version=version, creator=staff)
    client.get("/dashboard/history/")
    with django_assert_num_queries(5):
        client.get("/dashboard/history/")
    for number in range(60):
        make_galaxy(model_version=version, creator=make_person(f"p{number}"))
    with django_assert_num_queries(5):
        client.get("/dashboard/history/")
    with django_assert_num_queries(4):
        exported(client)


def test_the_export_holds_all_and_no_formulas(
    client: Client, staff: User, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_query, "PAGE_SIZE", 2)
    nasty = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", 'Kind, of "7"']
    version.families = [{"id": number, "name": name} for number, name in enumerate(nasty)]
    version.save()
    person = User.objects.create(username="x", email="=cmd@example.org")
    for number in range(len(nasty)):
        make_galaxy(model_version=version, cluster=number, creator=person, created=NOON, seed=5, psi=0.75)
    rows = exported(client, "?sort=created")
    assert [row["family"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", 'Kind, of "7"']
    assert {row["who"] for row in rows} == {"'=cmd@example.org"}
    assert {(row["made"], row["version"], row["seed"], row["psi"], row["likes"]) for row in rows} == {
        (NOON.isoformat(), "one", "5", "0.75", "0")
    }
    assert len(rows) == len(nasty)
