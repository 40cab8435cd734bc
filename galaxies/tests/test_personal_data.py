import io
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models
from django.test import Client, TestCase
from pytest_django.fixtures import Settings

from accounts.models import User
from galaxies import votes
from galaxies.models import Galaxy, ModelVersion, TrainingRun, Vote
from galaxies.personal_data import delete_account
from galaxies.tests.factories import make_galaxy, make_person, stored_files, sums

pytestmark = pytest.mark.django_db
PASSWORD = "a-quiet-night-sky"


@pytest.fixture
def ada(client: Client) -> User:
    person = User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
    client.force_login(person)
    return person


def generate(version: ModelVersion, **values: Any) -> Galaxy:
    galaxy = make_galaxy(model_version=version, **values)
    galaxy.image.save("", ContentFile(b"RIFF, a picture"))
    return galaxy


def test_data_is_everything_and_about_nobody_else(client: Client, ada: User, version: ModelVersion) -> None:
    made, other = generate(version, creator=ada), generate(version, creator=make_person("bo"))
    votes.toggle_vote(ada, other.public_id, "like")
    votes.toggle_vote(make_person("cy"), made.public_id, "dislike")
    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    response = client.get("/me/data.zip")
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    with ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        account = json.loads(archive.read("account.json"))
        assert account["email"] == "ada@example.org"
        assert [session["ip"] for session in account["sessions"]] == ["127.0.0.1"]
        assert [each["galaxy"] for each in json.loads(archive.read("votes.json"))] == [other.public_id]
        recipes = json.loads(archive.read("recipes.json"))
        assert [(each["id"], each["seed"]) for each in recipes] == [(made.public_id, made.seed)]
        assert archive.read(f"images/nebulai-{made.public_id}.webp") == b"RIFF, a picture"
        assert not [name for name in archive.namelist() if other.public_id in name]


@pytest.mark.parametrize("choice", ["keep", "delete"])
def test_an_account_goes_with_its_votes_and_its_galaxies_as_chosen(
    client: Client, ada: User, version: ModelVersion, choice: str
) -> None:
    made, other = generate(version, creator=ada), generate(version)
    bo = make_person("bo")
    for person in (ada, bo):
        votes.toggle_vote(person, other.public_id, "like")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/me/delete", {"galaxies": choice})["Location"] == "/"
    assert not User.objects.filter(email="ada@example.org").exists()
    assert client.get("/me/").status_code == 302
    assert sums(other) == (1, 0)
    assert Vote.objects.count() == 1
    assert Galaxy.objects.filter(pk=made.pk, creator=None).exists() == (choice == "keep")
    assert made.image.storage.exists(str(made.image.name)) == (choice == "keep")


def test_without_a_choice_the_account_stays(client: Client, ada: User) -> None:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.post("/me/delete", {})
    assert response.status_code == 422
    assert "Choose what becomes" in response.content.decode()
    assert User.objects.filter(pk=ada.pk).exists()


def test_deleting_an_account_asks_for_the_password_again(client: Client, ada: User) -> None:
    assert client.get("/me/delete")["Location"].startswith("/accounts/reauthenticate/")
    assert client.post("/me/delete", {"galaxies": "keep"})["Location"].startswith("/accounts/reauthenticate/")
    assert User.objects.filter(pk=ada.pk).exists()


def test_staff_who_delete_somebody_leave_the_counts_right(client: Client, version: ModelVersion) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.org", PASSWORD))
    bo, galaxy = make_person("bo"), make_galaxy(model_version=version)
    votes.toggle_vote(bo, galaxy.public_id, "like")
    action = {"action": "delete_selected", "_selected_action": str(bo.pk), "post": "yes"}
    client.post("/admin/accounts/user/", action)
    assert not User.objects.filter(pk=bo.pk).exists()
    assert sums(galaxy) == (0, 0)


def everything() -> dict[str, str]:
    """Every row of every table and every file of the site, as text; sessions as what they hold."""
    found: dict[str, str] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            found |= {f"{table} {number}": repr(row) for number, row in enumerate(cursor.fetchall())}
    for session in Session.objects.all():
        found[f"session {session.pk}"] = repr(session.get_decoded())
    for name in stored_files():
        with default_storage.open(name) as file:
            found[f"stored {name}"] = name + file.read().decode("latin-1")
    for folder in (settings.MEDIA_ROOT, settings.DATA_DIR):
        for path in Path(folder).rglob("*"):
            if path.is_file():
                found[str(path)] = path.name + path.read_bytes().decode("latin-1")
    return found


def references(person: str) -> list[str]:
    """Where a foreign key points at this id of a person."""
    found = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if isinstance(field, models.ForeignKey) and field.related_model is User:
                found += [f"{model.__name__}.{field.name}"] * model._default_manager.filter(
                    **{field.attname: person}
                ).count()
    return found


@pytest.mark.parametrize("choice", ["keep", "delete"])
def test_a_deleted_account_leaves_nothing_in_any_table_or_file(
    client: Client, version: ModelVersion, choice: str
) -> None:
    address = "ada.lovelace@analytical.example"
    client.post("/accounts/signup/", {"email": address, "password1": PASSWORD, "password2": PASSWORD})
    ada = User.objects.get(email=address)
    elsewhere = Client(headers={"user-agent": "A telescope of Ada"})
    elsewhere.post("/accounts/login/", {"login": address, "password": PASSWORD})
    made, other = generate(version, creator=ada), generate(version, creator=make_person("bo"))
    votes.toggle_vote(ada, other.public_id, "like")
    TrainingRun.objects.create(name="run", started_by=ada, state=TrainingRun.State.DONE)
    root = User.objects.create_superuser("root", "root@example.org", PASSWORD)
    LogEntry.objects.log_actions(root.pk, [ada], CHANGE, change_message=f"Changed {address}.", single_object=True)
    assert any(address in row for row in everything().values())
    assert references(str(ada.pk))

    mail.outbox.clear()
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    with TestCase.captureOnCommitCallbacks(execute=True):
        assert client.post("/me/delete", {"galaxies": choice}).status_code == 302

    left = everything()
    for trace in (address, "lovelace", ada.username, "A telescope of Ada"):
        assert [where for where, row in left.items() if trace in row] == []
    assert [where for where, row in left.items() if f"'_auth_user_id': '{ada.pk}'" in row] == []
    assert references(str(ada.pk)) == []
    assert elsewhere.get("/me/").status_code == 302
    assert [(each.to, each.subject) for each in mail.outbox] == [([address], "NebulAI: your account is deleted")]
    assert Galaxy.objects.filter(pk=made.pk, kept=True).exists() == (choice == "keep")


def test_a_deletion_goes_on_though_no_mail_can_be_sent(ada: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with TestCase.captureOnCommitCallbacks(execute=True):
        delete_account(ada, keep_galaxies=True)
    assert not User.objects.exists()


def test_whose_account_staff_delete_is_told_by_mail(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", "root@example.org", PASSWORD))
    bo = make_person("bo")
    with TestCase.captureOnCommitCallbacks(execute=True):
        client.post(f"/admin/accounts/user/{bo.pk}/delete/", {"post": "yes"})
    assert [each.to for each in mail.outbox] == [["bo@example.org"]]
    assert LogEntry.objects.filter(object_repr="a deleted account").exists()
    assert not LogEntry.objects.filter(object_repr__contains="bo").exists()
