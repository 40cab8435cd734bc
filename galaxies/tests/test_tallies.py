import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction

from accounts.models import User
from galaxies import generation, tallies, votes
from galaxies.models import Galaxy, ModelVersion, Tally, Vote
from galaxies.personal_data import delete_account
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Rows = set[tuple[Any, ...]]


def kept() -> Rows:
    """Tallies that say anything."""
    columns = ("day", "model_version__version", "cluster", "generated", "likes", "dislikes")
    return {row for row in Tally.objects.values_list(*columns) if any(row[3:])}


def counted_anew() -> Rows:
    with transaction.atomic():
        tallies.rebuild()
        rows = kept()
        transaction.set_rollback(True)
    return rows


def make_counted_galaxy(**values: Any) -> Galaxy:
    """A galaxy as generation.generate makes it, without sampling it."""
    with transaction.atomic():
        galaxy = make_galaxy(image="lost.webp", **values)
        tallies.add({tallies.of_galaxy(galaxy): 1})
    return galaxy


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time at which votes are cast."""
    clock = SimpleNamespace(time=NOON)
    monkeypatch.setattr("django.utils.timezone.now", lambda: clock.time)
    return clock


@pytest.mark.parametrize("seed", range(5))
def test_after_anything_that_people_do_they_are_what_counting_anew_gives(
    db: None, clock: SimpleNamespace, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(votes, "CHUNK", 3)
    monkeypatch.setattr(generation, "DELETE_CHUNK", 2)
    chance = random.Random(seed)  # noqa: S311  (it is to be the same each time)
    versions = [
        ModelVersion.objects.create(version=name, n_clusters=2, resolution=64, checksum="0" * 64) for name in "ab"
    ]
    people = [make_person(f"person{number}") for number in range(5)]
    for step in range(120):
        clock.time = NOON + timedelta(hours=chance.randrange(-60, 60), seconds=chance.randrange(3600))
        galaxies, deed = list(Galaxy.objects.all()), chance.random()
        if not galaxies or deed < 0.3:
            maker = chance.choice([None, *people])
            make_counted_galaxy(
                model_version=chance.choice(versions), cluster=chance.randrange(2), created=clock.time, creator=maker
            )
        elif deed < 0.85:
            votes.toggle_vote(
                chance.choice(people), chance.choice(galaxies).public_id, chance.choice(["like", "dislike"])
            )
        elif deed < 0.92:
            going = chance.sample(galaxies, min(5, len(galaxies)))
            generation.delete_galaxies(Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in going]))
        elif deed < 0.96:
            votes.delete_votes(chance.choice(people))
        else:
            gone = people.pop(chance.randrange(len(people)))
            delete_account(gone, keep_galaxies=chance.random() < 0.5)
            people.append(make_person(f"new{step}"))
        if step % 5 == 0:
            assert kept() == counted_anew()
    assert kept() == counted_anew()
    assert kept()


def test_a_galaxy_counts_with_its_creation(generator: Service, version: ModelVersion) -> None:
    galaxy = generation.generate(version, cluster=1, seed=7, psi=0.8)
    varied = generation.vary(galaxy)
    assert kept() == {(varied.created.date(), version.version, 1, 2, 0, 0)} == counted_anew()


def test_a_galaxy_that_cannot_be_stored_does_not_count(
    generator: Service, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Galaxy, "save", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        generation.generate(version, cluster=1, seed=7, psi=0.8)
    assert not Tally.objects.exists()


def test_a_vote_counts_on_the_day_it_was_cast_and_a_changed_one_on_that_of_the_change(
    db: None, clock: SimpleNamespace
) -> None:
    person, galaxy = make_person("ada"), make_counted_galaxy(created=NOON)
    made = (date(2026, 3, 1), "one", 1, 1, 0, 0)
    clock.time = NOON + timedelta(days=1)
    votes.toggle_vote(person, galaxy.public_id, "like")
    assert kept() == {made, (date(2026, 3, 2), "one", 1, 0, 1, 0)}
    clock.time = NOON + timedelta(days=2)
    votes.toggle_vote(person, galaxy.public_id, "dislike")
    assert kept() == {made, (date(2026, 3, 3), "one", 1, 0, 0, 1)}
    votes.toggle_vote(person, galaxy.public_id, "dislike")
    assert kept() == {made}


def test_days_are_those_of_utc(db: None) -> None:
    east = datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=9)))
    make_counted_galaxy(created=east)
    assert {row[0] for row in kept()} == {date(2026, 3, 1)}
    assert kept() == counted_anew()


def test_many_at_once_are_all_counted(transactional_db: None) -> None:
    galaxies = [make_galaxy(created=NOON) for _ in range(4)]
    people = [make_person(f"person{number}") for number in range(20)]

    def live(person: User) -> None:
        try:
            make_counted_galaxy(created=NOON)
            for galaxy in galaxies:
                votes.toggle_vote(person, galaxy.public_id, "like")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(live, people))
    assert sum(row[3] for row in kept()) == 20
    assert sum(row[4] for row in kept()) == 80


def test_the_migration_counts_what_was_there_before(db: None) -> None:
    galaxy = make_galaxy(created=NOON)
    for number, value in enumerate(["like", "like", "dislike"]):
        Vote.objects.create(person=make_person(f"p{number}"), galaxy=galaxy, value=value, created=NOON)
    migration = import_module("galaxies.migrations.0003_fill_tallies")
    migration.fill(apps, SimpleNamespace(connection=connection))
    assert kept() == {(NOON.date(), "one", 1, 1, 2, 1)} == counted_anew()
