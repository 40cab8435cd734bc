"""A site comes back from its backup as it was, and a damaged backup changes nothing."""

import io
import json
import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from galaxies import votes
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Service
from galaxies.tests.factories import make_galaxy, make_person

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a-quiet-night-sky"


def run(command: str, folder: Path) -> str:
    out = io.StringIO()
    call_command(command, str(folder), stdout=out)
    return out.getvalue()


def tables() -> dict[str, list[Any]]:
    """All rows of all tables but the cache's."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table != "nebulai_cache":
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
                found[table] = sorted(map(repr, cursor.fetchall()))
    return found


@pytest.fixture
def site_(version: ModelVersion, settings: Settings) -> list[Galaxy]:
    """People, galaxies with their files, and votes."""
    settings.DATA_DIR.mkdir()
    ada = User.objects.create(username="ada", email="ada@example.org", password=make_password(PASSWORD))
    bo = make_person("bo")
    made = [make_galaxy(model_version=version, creator=ada, cluster=0) for _ in range(3)]
    for number, galaxy in enumerate(made):
        galaxy.image.save("", ContentFile(b"RIFF, picture %d" % number))
        galaxy.save()
        votes.toggle_vote(bo, galaxy.public_id, "like")
    return made


def lose_everything(settings: Settings) -> None:
    for model in (Galaxy, User, ModelVersion):
        model._default_manager.all().delete()
    for folder in (settings.MEDIA_ROOT, settings.MODELS_STORE):
        shutil.rmtree(folder, ignore_errors=folder == settings.MEDIA_ROOT)  # images may be in S3


def test_a_site_comes_back_as_it_was(
    site_: list[Galaxy], loaded: Service, settings: Settings, tmp_path: Path, client: Client
) -> None:
    before, backup = tables(), tmp_path / "backup"
    picture = client.get(f"/g/{site_[0].public_id}.png").content
    assert "put it back with manage.py restore" in run("backup", backup)
    assert backup.stat().st_mode & 0o077 == 0
    lose_everything(settings)
    said = run("restore", backup)
    assert "is the site now" in said
    assert tables() == before
    for number, galaxy in enumerate(site_):
        assert client.get(f"/g/{galaxy.public_id}.webp").content == b"RIFF, picture %d" % number
    assert client.get(f"/g/{site_[0].public_id}.png").content == picture
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert client.get("/me/").status_code == 200
    assert run("backup", tmp_path / "another")  # what came back can be backed up


def test_what_a_restore_replaces_is_kept(site_: list[Galaxy], settings: Settings, tmp_path: Path) -> None:
    run("backup", tmp_path / "backup")
    Galaxy.objects.filter(pk=site_[0].pk).update(psi=1.1)
    manifest = settings.MODELS_STORE / site_[0].model_version.version / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    said = run("restore", tmp_path / "backup")
    kept = Path(said.splitlines()[1].split(" is in ")[1].split(";")[0])
    assert (kept / manifest.parent.name / "manifest.json").read_text().endswith(" ")
    assert not manifest.read_text().endswith(" ")
    assert Galaxy.objects.get(pk=site_[0].pk).psi == 0.8
    if connection.vendor == "sqlite":
        with sqlite3.connect(kept / "database.sqlite3") as old:
            assert (1.1,) in old.execute("SELECT psi FROM galaxies_galaxy").fetchall()


def test_the_site_writes_on_while_it_is_backed_up(site_: list[Galaxy], tmp_path: Path) -> None:
    stop, errors, written = threading.Event(), [], []

    def vote() -> None:
        try:
            bo = User.objects.get(username="bo")
            while not stop.is_set():
                written.append(votes.toggle_vote(bo, site_[0].public_id, "dislike").pk)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=vote)
    thread.start()
    try:
        for number in range(3):
            run("backup", tmp_path / str(number))
    finally:
        stop.set()
        thread.join()
    assert not errors
    assert written
    for number in range(3):
        run("restore", tmp_path / str(number))
        galaxy = Galaxy.objects.get(pk=site_[0].pk)
        counted = [galaxy.votes.filter(value=value).count() for value in ("like", "dislike")]
        assert [galaxy.likes, galaxy.dislikes] == counted  # a moment between two transactions


@pytest.mark.parametrize("what", ["flipped", "gone", "no list", "newer", "leads out", "other format"])
def test_a_damaged_backup_changes_nothing(site_: list[Galaxy], settings: Settings, tmp_path: Path, what: str) -> None:
    backup = tmp_path / "backup"
    run("backup", backup)
    about = json.loads((backup / "backup.json").read_text())
    kind = "models_store/" if settings.S3_BUCKET else "media/"  # images in S3 are in no backup
    file = backup / next(path for path in about["files"] if path.startswith(kind))
    if what == "flipped":
        content = file.read_bytes()
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    elif what == "gone":
        file.unlink()
    elif what == "no list":
        (backup / "backup.json").unlink()
    else:
        changes: dict[str, Any] = {
            "newer": {"migrations": [*about["migrations"], "galaxies.9999_from_tomorrow"]},
            "leads out": {"files": about["files"] | {"media/../../secret": "0"}},
            "other format": {"format": 99},
        }[what]
        (backup / "backup.json").write_text(json.dumps(about | changes))
    Galaxy.objects.filter(pk=site_[0].pk).update(psi=1.1)
    before = tables()
    with pytest.raises(CommandError):
        run("restore", backup)
    assert tables() == before
    assert not list(settings.DATA_DIR.glob("before-restore-*"))


def test_a_backup_is_whole_or_not_there(site_: list[Galaxy], tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(CommandError, match="not empty"):
        run("backup", tmp_path / "used")
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="cannot be written"):
        run("backup", tmp_path / "file" / "backup")
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name or "partial" in path.name) == []


def test_a_folder_that_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no backup"):
        run("restore", tmp_path / "nowhere")
