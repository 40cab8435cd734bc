"""manage.py doctor tells what is wrong, and looks at the rest all the same."""

import io
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django.fixtures import Settings

from galaxies.models import ModelVersion
from galaxies.tests.factories import make_galaxy, stored_files

pytestmark = pytest.mark.django_db


def doctor() -> tuple[dict[str, str], str]:
    """The lines by name, each "ok ..." or "BAD ...", and what the command ended with."""
    out, end = io.StringIO(), ""
    try:
        call_command("doctor", stdout=out)
    except CommandError as error:
        end = str(error)
    lines = [line.split(None, 2) for line in out.getvalue().splitlines()]
    return {name: f"{state} {sentence}" for state, name, sentence in lines}, end


def test_all_is_well(version: ModelVersion, settings: Settings) -> None:
    settings.DATA_DIR.mkdir()
    lines, end = doctor()
    assert list(lines) == ["settings", "database", "cache", "storage", "mail", "model", "disk", "worker", "clock"]
    assert all(line.startswith("ok ") for line in lines.values())
    assert end == ""
    assert stored_files() == []


def test_what_is_wrong_is_told_each_for_itself(version: ModelVersion, settings: Settings) -> None:
    settings.DATA_DIR.mkdir()
    (version.path / "generator.npz").write_bytes(b"")
    if settings.S3_BUCKET:
        media = settings.STORAGES["default"]
        elsewhere = {**media, "OPTIONS": media["OPTIONS"] | {"bucket_name": "nowhere"}}
        settings.STORAGES = settings.STORAGES | {"default": elsewhere}
    else:
        settings.MEDIA_ROOT.write_text("a file where a folder should be")
    settings.EMAIL_URL, settings.EMAIL_HOST, settings.EMAIL_PORT = "smtp://127.0.0.1:9", "127.0.0.1", 9
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    make_galaxy(model_version=version, created=timezone.now() + timedelta(hours=1))
    DBTaskResult.objects.create(
        task_path="galaxies.learning.learn_preferences",
        args_kwargs={},
        backend_name="default",
        run_after=timezone.now(),
    )
    DBTaskResult.objects.update(enqueued_at=timezone.now() - timedelta(hours=1))
    lines, end = doctor()
    bad = {name for name, line in lines.items() if line.startswith("BAD ")}
    assert bad == {"storage", "mail", "model", "worker", "clock"}
    assert end == "5 of these need you."
    assert "start manage.py db_worker" in lines["worker"]
    assert "generator.npz" in lines["model"]
    assert "NEBULAI_EMAIL_URL" in lines["mail"]


def test_no_model_and_no_room(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR.mkdir()
    monkeypatch.setattr("galaxies.doctor.LEAST_ROOM", 2**60)
    lines, _end = doctor()
    assert "run manage.py train" in lines["model"]
    assert "make room" in lines["disk"]


@pytest.mark.skipif(bool(django_settings.CACHE_URL), reason="the cache is Redis, and this is of a table")
def test_a_cache_without_its_table(settings: Settings) -> None:
    settings.DATA_DIR.mkdir()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS nebulai_cache")
    lines, _end = doctor()
    assert lines["cache"] == "BAD its table is missing: run manage.py prepare."
