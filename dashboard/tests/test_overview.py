import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from dashboard.charts import bars
from dashboard.periods import MAX_BARS, Period
from galaxies import tallies, votes
from galaxies.models import Galaxy, ModelVersion
from galaxies.tests.factories import make_galaxy, make_person

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
TODAY = datetime(2026, 3, 13, 15, tzinfo=UTC)  # a Friday
ENTRY = {
    **{"value": 2.0, "floor": 0.5, "ceiling": 20.0, "std": 0.25, "better": "lower", "extractor": "encoder"},
    **{"extractor_version": "one abc", "n_real": 1293, "n_generated": 10000, "subset_size": 646},
}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: TODAY)


@pytest.fixture
def staff(client: Client) -> User:
    """Who has just joined and is logged in."""
    person = User.objects.create(username="staff", email="staff@example.org", is_staff=True)
    client.force_login(person)
    return person


@pytest.fixture
def version() -> ModelVersion:
    families: list[dict[str, Any]] = [
        {"id": each, "name": f"Kind {each}", "sentence": "", "share": 0.5, "exemplars": []} for each in (0, 1)
    ]
    return ModelVersion.objects.create(
        version="one", is_active=True, n_clusters=2, resolution=64, checksum="0" * 64, families=families
    )


def made(days_ago: int, number: int = 1, **values: Any) -> list[Galaxy]:
    made = [make_galaxy(created=TODAY - timedelta(days=days_ago), **values) for _ in range(number)]
    tallies.rebuild()
    return made


def page(client: Client, query: str = "", status: int = 200, headers: dict[str, str] | None = None) -> str:
    response = client.get(f"/dashboard/{query}", headers=headers)
    assert response.status_code == status
    return re.sub(r"\s+", " ", response.content.decode())


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    table = next(each for each in re.findall(r"<table.*?</table>", text) if f">{heading}</th>" in each)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", table)[1:]]


def test_only_staff_may_see_it(client: Client) -> None:
    assert client.get("/dashboard/?range=7")["Location"] == "/accounts/login/?next=/dashboard/%3Frange%3D7"
    person = make_person("ada")
    client.force_login(person)
    assert client.get("/dashboard/").status_code == 403
    User.objects.filter(pk=person.pk).update(is_staff=True)
    assert client.get("/dashboard/").status_code == 200
    assert client.post("/dashboard/").status_code == 405


def test_totals_stand_beside_the_same_day_last_week_and_the_week_before(
    client: Client, staff: User, version: ModelVersion
) -> None:
    for days_ago, number in ((0, 3), (1, 2), (7, 4), (8, 1), (14, 5), (15, 7)):
        made(days_ago, number, model_version=version)
    User.objects.filter(pk=staff.pk).update(date_joined=TODAY - timedelta(days=7))
    text = page(client)
    cards = re.findall(r"<li> <h3>(\w+)</h3>.*?</li>", text), re.findall(r"<li> <h3>\w+</h3>(.*?)</li>", text)
    numbers = {name: re.findall(r">([\d,]+)<", card) for name, card in zip(*cards, strict=True)}
    # all, today, that day last week, the last 7 days with today (0 to 6 days ago), the 7 before (7 to 13 days ago)
    assert numbers["Generated"] == ["22", "3", "4", "5", "5"]
    assert numbers["People"] == ["1", "0", "1", "0", "1"]
    assert "Friday, 6 Mar 2026" in text


def test_likes_dislikes_and_approval_by_family_and_version(client: Client, staff: User, version: ModelVersion) -> None:
    (first,) = made(1, model_version=version, cluster=0)
    other = ModelVersion.objects.create(version="two", n_clusters=1, resolution=64, checksum="1" * 64)
    (third,) = made(1, model_version=other, cluster=1)
    people = [make_person(f"person{number}") for number in range(10)]
    for number, person in enumerate(people):
        votes.toggle_vote(person, first.public_id, "like" if number else "dislike")
    for person in people[:3]:
        votes.toggle_vote(person, third.public_id, "dislike")
    text = page(client)
    # the 95% Wilson interval of 9 of 10 is 0.596 to 0.982
    assert rows(text, "Family") == [
        ["Kind 0", "9", "1", "90.0%", "59.6 to 98.2%"],
        ["Kind 1", "0", "0", "none", "none"],
    ]
    assert rows(text, "Model version") == [
        ["one", "9", "1", "90.0%", "59.6 to 98.2%"],
        ["two", "0", "3", "0.0%", "0.0 to 56.2%"],
    ]
    assert rows(text, "Vote") == [["Likes", "9", "69.2%"], ["Dislikes", "4", "30.8%"]]
    liked, disliked = text.split("Most disliked")
    assert re.findall(r'/g/(\w{11})/"', liked) == [first.public_id]
    assert re.findall(r'/g/(\w{11})/"', disliked) == [third.public_id, first.public_id]


def test_bars_are_what_was_made_on_each_day(client: Client, staff: User, version: ModelVersion) -> None:
    made(0, 2, model_version=version)
    made(6, 5, model_version=version)
    made(7, 9, model_version=version)
    days = rows(page(client, "?range=7"), "Day")
    assert [row[1] for row in days] == ["5", "0", "0", "0", "0", "0", "2"]
    assert (days[0][0], days[-1][0]) == ("7 Mar 2026", "13 Mar 2026")
    some = page(client, "?since=2026-03-05&until=2026-03-06")
    assert rows(some, "Day") == [["5 Mar 2026", "0"], ["6 Mar 2026", "9"]]
    assert "<title>6 Mar 2026: 9 galaxies</title>" in some
    assert "<title>13 Mar 2026: 2 galaxies so far</title>" in page(client)
    assert len(rows(page(client), "Day")) == 30


@pytest.mark.parametrize("days", [1, 98, 99, 100, 686, 687, 2900, 3000, 9000])
def test_no_chart_has_more_than_a_hundred_bars_and_none_loses_a_day(days: int) -> None:
    period = Period(date(2026, 3, 13) - timedelta(days=days - 1), date(2026, 3, 13))
    spans = list(period.spans())
    assert len(spans) <= MAX_BARS
    assert sum((span.until - span.since).days + 1 for span in spans) == days
    assert all(one.until + timedelta(days=1) == two.since for one, two in pairwise(spans))


def test_all_begins_with_the_first_galaxy_and_long_ranges_are_drawn_from_there(
    client: Client, staff: User, version: ModelVersion
) -> None:
    made(400, 3, model_version=version)
    weeks = rows(page(client, "?range=all"), "Week")
    assert len(weeks) == 58
    assert weeks[0] == ["6 Feb 2025 to 9 Feb 2025", "3"]
    assert rows(page(client, "?since=0001-01-01"), "Week") == weeks


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?since=yesterday", "Write a day as year, month and day"),
        ("?since=2026-02-30", "Write a day as year, month and day"),
        ("?until=%00", "Write a day as year, month and day"),
        ("?since=2026-03-10&until=2026-03-01", "lies before the first"),
        ("?since=2026-03-14", "lies in the future"),
        ("?range=8", "Choose one of the ranges shown"),
    ],
)
def test_days_that_are_none_are_a_sentence(client: Client, staff: User, query: str, sentence: str) -> None:
    assert sentence in page(client, query, 422)
    assert sentence in page(client, query, 422, HTMX)
    assert 'id="ask"' in page(client, query, 422, HTMX)  # where the page puts what htmx brings with 422


@pytest.mark.parametrize("query", ["?until=2030-01-01", "?until=0001-01-01", "?range="])
def test_odd_ranges_have_an_answer(client: Client, staff: User, query: str) -> None:
    page(client, query)


def test_htmx_gets_what_depends_on_the_days(client: Client, staff: User, version: ModelVersion) -> None:
    text = page(client, "?range=7", headers=HTMX)
    assert text.strip().startswith('<div id="period">')
    assert "<html" not in text
    assert "Most liked" not in text
    assert "HX-Request" in client.get("/dashboard/")["Vary"]


def test_an_empty_site_says_what_is_missing(client: Client, staff: User) -> None:
    text = page(client)
    for sentence in (
        "Nobody made a galaxy in these days.",
        "Nobody voted in these days.",
        "No model is active",
        "Nobody has liked a galaxy yet.",
        "There is no model yet.",
    ):
        assert sentence in text


def test_fid_and_kid_of_every_version_with_extractor_and_sample_size(client: Client, staff: User) -> None:
    names = {"kid": ENTRY, "fid": {**ENTRY, "value": None, "reason": "too few"}}
    other = {"inception": {"kid": {**ENTRY, "value": 7.5, "extractor": "inception"}}}
    for name, day, metrics in (
        ("new", "2026-03-02T10:00:00+00:00", names),
        ("old", "2026-01-05T10:00:00+00:00", {"kid": {**ENTRY, "value": 9.0}, "other_extractors": other}),
        ("bare", "", None),
    ):
        values = {"n_clusters": 1, "resolution": 64, "checksum": "0" * 64, "trained": day, "metrics": metrics}
        ModelVersion.objects.create(version=name, **values)
    text = page(client)
    assert text.index("KID of every model version, extractor inception") < text.index("version, extractor encoder")
    text = text[text.index('id="kid-encoder-title"') :]
    first = ["9.00", "0.250", "0.500", "20.0", "1,293", "10,000", "646", "encoder one abc"]
    assert rows(text, "Version") == [["old", "5 Jan 2026", *first], ["new", "2 Mar 2026", "2.00", *first[1:]]]
    assert "FID of every model version, extractor encoder" in text
    assert "Not measured yet: bare." in text
    heights = [float(each) for each in re.findall(r'class="value" cx="[\d.]+%" cy="([\d.]+)"', text)]
    assert heights[0] < heights[1]  # what is worse stands higher, nearer to the ceiling


def test_charts_can_be_read_without_seeing_them(client: Client, staff: User, version: ModelVersion) -> None:
    version.metrics = {"kid": ENTRY, "fid": ENTRY}
    version.save()
    (galaxy,) = made(1, model_version=version)
    votes.toggle_vote(staff, galaxy.public_id, "like")
    text = page(client)
    charts = re.findall(
        r'<svg [^>]*role="img"[^>]*aria-labelledby="([\w-]+) ([\w-]+)"[^>]*> <title id="([\w-]+)">', text
    )
    assert len(charts) == 7
    for title, description, first in charts:
        assert title == first
        assert f'<desc id="{description}">' in text
    assert text.count("As a table") == 7
    assert not re.search(r"<[^>]* style=|<style|<script(?![^>]* src=)|javascript:", text)


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    client: Client, staff: User, version: ModelVersion, django_assert_num_queries: Any
) -> None:
    made(1, model_version=version)
    client.get("/dashboard/")
    with django_assert_num_queries(8):
        client.get("/dashboard/")
    for number in range(4):
        values = {"n_clusters": 1, "resolution": 64, "checksum": "0" * 64, "metrics": {"kid": ENTRY}}
        ModelVersion.objects.create(version=f"v{number}", **values)
        (galaxy,) = made(number, model_version=version, cluster=number % 2)
        votes.toggle_vote(make_person(f"p{number}"), galaxy.public_id, "like")
    with django_assert_num_queries(8):
        client.get("/dashboard/?range=all")
    with django_assert_num_queries(5):
        client.get("/dashboard/?range=all", headers=HTMX)


def test_bars_fill_their_height_to_scale() -> None:
    drawn = bars(["a", "b", "c"], [10, 5, 0], [0, 0, 10], unfinished=True)
    assert drawn.up[0].height == pytest.approx(2 * drawn.up[1].height) == pytest.approx(drawn.down[2].height)
    assert drawn.up[0].y + drawn.up[0].height == pytest.approx(drawn.base) == pytest.approx(drawn.down[2].y)
    assert [bar.unfinished for bar in drawn.up] == [False, False, True]
    assert {line.text for line in drawn.lines} == {"5", "10"}
    assert bars([], []).up == ()
