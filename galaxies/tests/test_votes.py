from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from galaxies import votes
from galaxies.models import Galaxy, Vote
from galaxies.tests.factories import make_galaxy, make_person, sums


@pytest.mark.parametrize(
    ("clicks", "expected"),
    [
        (["like"], (1, 0)),
        (["dislike"], (0, 1)),
        (["like", "like"], (0, 0)),
        (["like", "dislike"], (0, 1)),
        (["dislike", "like", "like"], (0, 0)),
    ],
)
def test_the_same_vote_again_takes_back_and_the_other_changes(
    db: None, clicks: list[str], expected: tuple[int, int]
) -> None:
    person, galaxy = make_person("ada"), make_galaxy()
    for value in clicks:
        votes.toggle_vote(person, galaxy.public_id, value)
    assert sums(galaxy) == expected


def test_both_clicks_of_a_double_click_mean_the_same(db: None) -> None:
    person, galaxy = make_person("ada"), make_galaxy()
    for _ in range(2):
        votes.toggle_vote(person, galaxy.public_id, "like", shown="")
    assert sums(galaxy) == (1, 0)
    for _ in range(2):
        votes.toggle_vote(person, galaxy.public_id, "like", shown="like")
    assert sums(galaxy) == (0, 0)


def test_one_vote_per_person_and_galaxy_is_a_constraint(db: None) -> None:
    person, galaxy = make_person("ada"), make_galaxy()
    Vote.objects.create(person=person, galaxy=galaxy, value="like")
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.create(person=person, galaxy=galaxy, value="dislike")
    with pytest.raises(IntegrityError), transaction.atomic():
        Vote.objects.create(person=make_person("bo"), galaxy=galaxy, value="perhaps")


def test_fifty_people_at_once_are_all_counted(transactional_db: None) -> None:
    galaxy = make_galaxy()
    people = [make_person(f"person{number}") for number in range(50)]

    def vote(person: User) -> None:
        try:
            votes.toggle_vote(person, galaxy.public_id, "dislike" if person.pk % 5 == 0 else "like")
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(vote, people))
    dislikes = sum(person.pk % 5 == 0 for person in people)
    assert sums(galaxy) == (50 - dislikes, dislikes)


def test_one_person_s_many_clicks_at_once_leave_one_vote(transactional_db: None) -> None:
    person, galaxy = make_person("ada"), make_galaxy()

    def vote(_: int) -> None:
        try:
            votes.toggle_vote(person, galaxy.public_id, "like", shown="")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(vote, range(8)))
    assert sums(galaxy) == (1, 0)


def test_a_vote_on_what_is_gone_writes_nothing(db: None) -> None:
    person, galaxy = make_person("ada"), make_galaxy()
    galaxy.delete()
    with pytest.raises(Galaxy.DoesNotExist):
        votes.toggle_vote(person, galaxy.public_id, "like")
    assert not Vote.objects.exists()


def test_all_votes_of_a_person_are_taken_back(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(votes, "CHUNK", 2)
    ada, bo = make_person("ada"), make_person("bo")
    galaxies = [make_galaxy() for _ in range(5)]
    for galaxy in galaxies:
        votes.toggle_vote(ada, galaxy.public_id, "like")
        votes.toggle_vote(bo, galaxy.public_id, "dislike")
    votes.delete_votes(ada)
    assert [sums(galaxy) for galaxy in galaxies] == [(0, 1)] * 5


def test_a_galaxy_is_listed_while_it_is_liked_or_published(db: None) -> None:
    person, galaxy, published = make_person("ada"), make_galaxy(), make_galaxy(published=True)

    def listed() -> set[Galaxy]:
        return set(Galaxy.objects.filter(listed=True))

    assert listed() == {published}
    votes.toggle_vote(person, galaxy.public_id, "like")
    assert listed() == {galaxy, published}
    votes.toggle_vote(person, galaxy.public_id, "dislike")
    assert listed() == {published}
