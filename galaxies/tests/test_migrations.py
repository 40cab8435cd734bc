"""A database of any age comes to the tables of today, and nothing in it is lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.test import Client
from django.utils.module_loading import import_string
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

from galaxies.approval import wilson_lower_bound
from galaxies.models import Galaxy, Tally
from galaxies.training import life_cycle

FAMILIES = [{"id": 1, "name": "One", "sentence": "", "share": 1.0, "exemplars": []}]
SQUASHED = "0001_squashed"
LAST_OLD = ("galaxies", "0004_history_indexes")
OLD_TASKS = ["galaxies.tasks.train_run", "galaxies.tasks.evaluate_version", "galaxies.tasks.learn_preferences"]


def migrate(*target: str) -> None:
    call_command("migrate", *target, verbosity=0)


@pytest.fixture
def empty(transactional_db: None) -> Iterator[None]:
    """A database without this app's tables."""
    migrate("galaxies", "zero")
    try:
        yield
    finally:
        migrate()


def migrate_without_squashing(target: tuple[str, str]) -> Any:
    """Make the tables as they were before migrations were squashed. Returns: the models of that time."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    executor.migrate([target])
    return executor.loader.project_state([target, *executor.loader.graph.leaf_nodes("django_tasks_database")]).apps


def tables() -> dict[str, Any]:
    """Columns, indexes and constraints of this app's tables."""
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            if name.startswith("galaxies_"):
                columns = connection.introspection.get_table_description(cursor, name)
                constraints = connection.introspection.get_constraints(cursor, name)
                found[name] = (sorted(map(str, columns)), sorted(map(str, constraints.values())), sorted(constraints))
    return found


@pytest.mark.slow
def test_squashed_migrations_make_the_same_tables(empty: None) -> None:
    migrate()
    assert ("galaxies", SQUASHED) in MigrationExecutor(connection).loader.applied_migrations
    squashed = tables()
    assert len(squashed) == 13
    migrate("galaxies", "zero")
    migrate_without_squashing(LAST_OLD)
    migrate()
    assert tables() == squashed


def test_a_database_from_before_goes_on(empty: None) -> None:
    apps = migrate_without_squashing(LAST_OLD)
    model = {name: apps.get_model("galaxies", name) for name in ("ModelVersion", "Galaxy", "Vote", "Tally")}
    person = apps.get_model("accounts", "User").objects.create(email="old@example.org", username="old")
    version = model["ModelVersion"].objects.create(version="old", n_clusters=6, resolution=32, is_active=True)
    galaxy = model["Galaxy"].objects.create(model_version=version, cluster=1, seed=7, psi=0.8, creator=person, likes=1)
    model["Vote"].objects.create(person=person, galaxy=galaxy, value="like")
    model["Tally"].objects.create(day="2026-11-22", model_version=version, cluster=1, generated=1, likes=1)
    run = apps.get_model("galaxies", "TrainingRun").objects.create(name="waiting")
    results = apps.get_model("django_tasks_database", "DBTaskResult").objects
    for path in OLD_TASKS:
        results.create(
            task_path=path,
            args_kwargs={"args": [run.pk], "kwargs": {}},
            backend_name="default",
            run_after="9999-12-31T00:00Z",
        )
    before = {name: list(each.objects.values()) for name, each in model.items()}

    migrate()
    assert {name: list(each.objects.values()) for name, each in model.items()} == before
    assert ("galaxies", SQUASHED) in MigrationExecutor(connection).loader.applied_migrations
    paths = set(DBTaskResult.objects.values_list("task_path", flat=True))
    assert len(paths) == 3
    assert all(isinstance(import_string(path), Task) for path in paths)
    assert life_cycle.recover() is None  # the worker that takes the task will train it


def test_galaxies_of_one_recipe_become_one_with_the_makers_and_votes_of_all(empty: None, client: Client) -> None:
    apps = migrate_without_squashing(LAST_OLD)
    model = {name: apps.get_model("galaxies", name) for name in ("ModelVersion", "Galaxy", "Vote", "Tally")}
    people = [apps.get_model("accounts", "User").objects.create(email=f"{n}@x.org", username=n) for n in "abc"]
    version = model["ModelVersion"].objects.create(version="old", n_clusters=6, resolution=32, families=FAMILIES)

    def make(number: int, **values: Any) -> Any:
        day = datetime(2026, 3, 1 + number, tzinfo=UTC)
        image = default_storage.save(f"{number}.webp", ContentFile(b"RIFF"))
        given = {"model_version": version, "cluster": 1, "seed": 7, "psi": 0.8, "created": day, "image": image}
        return model["Galaxy"].objects.create(**given | values)

    blend = {"cluster2": 1, "seed2": 9, "mix": 0.25}
    first, second, third = make(0), make(1, creator=people[1], published=True), make(2, creator=people[0], likes=1)
    one, other = make(3, **blend), make(4, **{**blend, "seed2": 10})
    for number, (person, galaxy, value) in enumerate(
        [(0, first, "like"), (0, third, "dislike"), (1, first, "like"), (2, second, "dislike"), (2, third, "like")]
    ):
        cast = datetime(2026, 3, 10 + number, tzinfo=UTC)
        model["Vote"].objects.create(person=people[person], galaxy=galaxy, value=value, created=cast)

    migrate()
    assert set(Galaxy.objects.values_list("pk", flat=True)) == {first.pk, one.pk, other.pk}
    merged = Galaxy.objects.get(pk=first.pk)
    assert (merged.digest, merged.likes, merged.dislikes, merged.published) == (merged.recipe.digest, 2, 1, True)
    assert merged.score == wilson_lower_bound(2, 1)
    assert list(merged.votes.order_by("person").values_list("person", "value")) == [
        (people[0].pk, "dislike"),
        (people[1].pk, "like"),
        (people[2].pk, "like"),
    ]
    assert list(merged.makings.order_by("created").values_list("person", flat=True)) == [people[1].pk, people[0].pk]
    assert merged.creator_id == people[1].pk
    kept = {(t.day.day, t.generated, t.likes, t.dislikes) for t in Tally.objects.all()}
    assert kept == {(1, 1, 0, 0), (4, 1, 0, 0), (5, 1, 0, 0), (11, 0, 0, 1), (12, 0, 1, 0), (14, 0, 1, 0)}
    assert [default_storage.exists(f"{number}.webp") for number in range(5)] == [True, False, False, True, True]
    for gone in (second, third):
        for ending in ("/", ".webp", ".png", "/facts"):
            response = client.get(f"/g/{gone.public_id}{ending}?x=1")
            assert (response.status_code, response["Location"]) == (301, f"/g/{first.public_id}{ending}?x=1")
    assert {g.digest == g.recipe.digest for g in Galaxy.objects.all()} == {True}
