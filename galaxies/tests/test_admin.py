"""Django's admin: what it shows, what it refuses, and that it bypasses nothing."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.functional import Promise
from django_tasks_db.models import DBTaskResult
from pytest_django.fixtures import Settings

from accounts.models import User
from galaxies import admin as galaxies_admin
from galaxies import generation, votes
from galaxies.models import Galaxy, ModelVersion, Tally, TrainingRun, Vote
from galaxies.serving import Service
from galaxies.tests.factories import stored_files

ADMIN = "/admin/galaxies/"


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("staff", "staff@example.org", "far out"))
    return client


def act(client: Client, model: str, action: str, *things: Galaxy | ModelVersion, **more: str) -> str:
    data = {"action": action, "_selected_action": [str(thing.pk) for thing in things], **more}
    return words(client.post(f"{ADMIN}{model}/", data, follow=True).content)


def words(content: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode()))


def test_login_is_allauth_s_with_its_limits_and_second_factor(client: Client, db: None) -> None:
    for path in ("/admin/", "/admin/login/", f"{ADMIN}galaxy/"):
        response = client.get(path, follow=True)
        assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    form = {"username": "staff", "password": "far out"}
    User.objects.create_superuser("staff", "staff@example.org", "far out")
    client.post("/admin/login/", form)
    assert "_auth_user_id" not in client.session  # Django's own form is not answered


def test_people_who_are_not_staff_stay_outside(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("person", "person@example.org", "x"))
    assert client.get("/admin/", follow=True).status_code == 403


def test_galaxies_are_shown_with_image_and_recipe_and_found_by_id(
    staff: Client, generator: Service, version: ModelVersion
) -> None:
    galaxy = generation.generate(version, cluster=1, seed=42, psi=0.8)
    other = generation.generate(version, cluster=0, seed=43, psi=0.8)
    page = staff.get(f"{ADMIN}galaxy/?q={galaxy}").content.decode()
    assert f'src="/g/{galaxy}.webp"' in page
    assert str(other) not in page
    assert str(other) not in staff.get(f"{ADMIN}galaxy/?cluster=1").content.decode()
    assert "42" in words(staff.get(f"{ADMIN}galaxy/{galaxy.pk}/change/").content)
    assert staff.get(f"{ADMIN}galaxy/?cluster=%C2%B2").status_code == 200


def test_deleting_a_galaxy_takes_file_votes_and_tallies(
    staff: Client, generator: Service, version: ModelVersion
) -> None:
    galaxies = [generation.generate(version, cluster=0, seed=seed, psi=0.8) for seed in (1, 2)]
    person = User.objects.create_user("person", "person@example.org", "x")
    for galaxy in galaxies:
        votes.toggle_vote(person, galaxy.public_id, "like")
    assert str(galaxies[0]) in act(staff, "galaxy", "delete_selected", galaxies[0])
    act(staff, "galaxy", "delete_selected", galaxies[0], post="yes")
    staff.post(f"{ADMIN}galaxy/{galaxies[1].pk}/delete/", {"post": "yes"})
    assert not Galaxy.objects.exists()
    assert not Vote.objects.exists()
    assert stored_files() == []
    assert not Tally.objects.exclude(likes=0, generated=0).exists()
    assert LogEntry.objects.count() == 2


def test_not_everything_is_deleted_at_once(
    staff: Client, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(galaxies_admin, "REACHABLE", 2)
    made = [Galaxy.objects.create(model_version=version, cluster=0, seed=seed, psi=0.8) for seed in range(3)]
    page = act(staff, "galaxy", "delete_selected", made[0], select_across="1", post="yes")
    assert "more than 2 galaxies" in page
    assert "the newest 2 of many" in page
    assert Galaxy.objects.count() == 3


@pytest.mark.parametrize("model", ["galaxy", "vote"])
def test_long_lists_are_counted_no_further_than_their_pages(staff: Client, version: ModelVersion, model: str) -> None:
    galaxy = Galaxy.objects.create(model_version=version, cluster=0, seed=1, psi=0.8)
    Vote.objects.create(person=User.objects.get(), galaxy=galaxy, value="like")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert staff.get(f"{ADMIN}{model}/").status_code == 200
    counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and f"galaxies_{model}" in query["sql"]]
    assert counts
    assert all(f"LIMIT {galaxies_admin.REACHABLE + 1}" in sql for sql in counts)


def test_votes_are_only_read(staff: Client, version: ModelVersion) -> None:
    galaxy = Galaxy.objects.create(model_version=version, cluster=0, seed=1, psi=0.8)
    vote = Vote.objects.create(person=User.objects.get(), galaxy=galaxy, value="like")
    assert str(galaxy) in words(staff.get(f"{ADMIN}vote/?q={galaxy}").content)
    assert staff.get(f"{ADMIN}vote/{vote.pk}/change/").status_code == 200
    assert staff.post(f"{ADMIN}vote/{vote.pk}/change/", {"value": "dislike"}).status_code == 403
    assert staff.get(f"{ADMIN}vote/add/").status_code == 403
    assert staff.post(f"{ADMIN}vote/{vote.pk}/delete/", {"post": "yes"}).status_code == 403


def test_deleting_a_person_takes_their_votes_out_of_the_sums(staff: Client, version: ModelVersion) -> None:
    galaxy = Galaxy.objects.create(model_version=version, cluster=0, seed=1, psi=0.8)
    person = User.objects.create_user("person", "person@example.org", "x")
    votes.toggle_vote(person, galaxy.public_id, "like")
    staff.post(f"/admin/accounts/user/{person.pk}/delete/", {"post": "yes"})
    galaxy.refresh_from_db()
    assert (galaxy.likes, Vote.objects.count()) == (0, 0)
    assert not User.objects.filter(pk=person.pk).exists()


def test_people_get_groups_and_permissions(staff: Client) -> None:
    page = words(staff.get(f"/admin/accounts/user/{User.objects.get().pk}/change/").content)
    assert "Groups" in page
    assert "User permissions" in page


def test_activating_checks_first_and_is_logged(staff: Client, version: ModelVersion) -> None:
    ModelVersion.objects.update(is_active=False)
    assert "is active" in act(staff, "modelversion", "activate", version)
    assert ModelVersion.active() == version
    assert "Activated" in LogEntry.objects.get().get_change_message()
    ModelVersion.objects.update(is_active=False)
    (version.path / "encoder.npz").unlink()
    assert "encoder.npz is missing" in act(staff, "modelversion", "activate", version)
    assert ModelVersion.active() is None
    assert LogEntry.objects.count() == 1


def test_the_log_of_all_staff_is_read_and_never_changed(staff: Client, version: ModelVersion) -> None:
    act(staff, "modelversion", "activate", version)
    entry = LogEntry.objects.get()
    page = words(staff.get("/admin/admin/logentry/").content)
    assert version.version in page
    assert entry.get_change_message() in page
    assert staff.post(f"/admin/admin/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.post(f"/admin/admin/logentry/{entry.pk}/change/", {"change_message": "never"}).status_code == 403
    assert LogEntry.objects.get().change_message == entry.change_message


def test_evaluating_is_ordered_once_and_logged(staff: Client, version: ModelVersion) -> None:
    assert "waits to be measured" in act(staff, "modelversion", "evaluate", version)
    assert "already" in act(staff, "modelversion", "evaluate", version)
    assert DBTaskResult.objects.get().args_kwargs["args"] == [version.version]
    assert LogEntry.objects.count() == 1


def test_actions_need_the_permission_to_change_versions(client: Client, version: ModelVersion) -> None:
    ModelVersion.objects.update(is_active=False)
    reader = User.objects.create_user("reader", "reader@example.org", "x", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_modelversion"))
    client.force_login(reader)
    assert client.get(f"{ADMIN}modelversion/").status_code == 200
    act(client, "modelversion", "activate", version)
    assert ModelVersion.active() is None


def test_versions_are_neither_changed_nor_deleted_there(staff: Client, version: ModelVersion) -> None:
    page = f"{ADMIN}modelversion/{version.pk}"
    assert staff.get(f"{page}/change/").status_code == 200
    assert staff.post(f"{page}/change/", {"version": "x"}).status_code == 403
    assert staff.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert version.path.is_dir()


def test_a_training_run_shows_the_end_of_its_log(staff: Client, tmp_path: Path, settings: Settings) -> None:
    settings.DATA_DIR = tmp_path
    run = TrainingRun.objects.create(name="a-run", state=TrainingRun.State.DONE)
    folder = tmp_path / "training" / "a-run"
    folder.mkdir(parents=True)
    (folder / "run.log").write_text("\n".join(f"line {i} <b>" for i in range(100)))
    page = staff.get(f"{ADMIN}trainingrun/{run.pk}/change/").content.decode()
    assert "line 99 &lt;b&gt;" in page
    assert "line 20 " not in page
    assert staff.get(f"{ADMIN}trainingrun/add/").status_code == 403
    assert staff.post(f"{ADMIN}trainingrun/{run.pk}/delete/", {"post": "yes"}).status_code == 403


def test_every_field_has_a_name_in_the_reader_s_language() -> None:
    ours = [field for model in apps.get_app_config("galaxies").get_models() for field in model._meta.local_fields]
    named = [field for field in ours if isinstance(field.deconstruct()[3].get("verbose_name"), Promise)]
    assert {str(field) for field in set(ours) - set(named) if field.name != "id"} == set()
