"""What nobody needs any more goes, and nothing else."""

import io
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from galaxies import votes
from galaxies.models import Alias, Galaxy, ModelVersion
from galaxies.tests.factories import make_galaxy, make_person, on_disk

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=100)


def stored(**values: Any) -> Galaxy:
    galaxy = make_galaxy(**{"created": LONG_AGO} | values)
    galaxy.image.save("", ContentFile(b"RIFF, a picture"))
    return galaxy


def prune(*options: str) -> str:
    out = io.StringIO()
    call_command("prune", *options, stdout=out)
    return out.getvalue()


def age(name: str) -> None:
    long_ago = time.time() - 7200
    os.utime(default_storage.path(name), (long_ago, long_ago))


@pytest.fixture
def kept(version: ModelVersion) -> dict[str, Galaxy]:
    """Galaxies that somebody may miss."""
    ada = make_person("ada")
    found = {
        "of a person": stored(model_version=version, creator=ada),
        "young": stored(model_version=version, created=timezone.now()),
        "published": stored(model_version=version, published=True),
        "of one who left": stored(model_version=version, kept=True),
        "liked": stored(model_version=version),
        "disliked": stored(model_version=version),
    }
    votes.toggle_vote(ada, found["liked"].public_id, "like")
    votes.toggle_vote(ada, found["disliked"].public_id, "dislike")
    return found


def test_only_old_galaxies_of_visitors_that_nobody_voted_for_go(version: ModelVersion, kept: dict[str, Galaxy]) -> None:
    going = stored(model_version=version)
    Alias.objects.create(public_id="22222222222", galaxy=going)
    assert "beyond --days 90: 1 would go" in prune("--dry-run")
    assert Galaxy.objects.count() == len(kept) + 1
    prune()
    assert set(Galaxy.objects.all()) == set(kept.values())
    assert not default_storage.exists(str(going.image.name))
    assert all(default_storage.exists(str(galaxy.image.name)) for galaxy in kept.values())
    assert "beyond --days 90: 0 gone" in prune()


def test_the_age_is_chosen(version: ModelVersion) -> None:
    stored(model_version=version, created=timezone.now() - timedelta(days=10))
    assert "beyond --days 90: 0 would go" in prune("--dry-run")
    assert "beyond --days 9: 1 would go" in prune("--dry-run", "--days", "9")


@pytest.mark.parametrize("days", ["-1", "x", "99999999999999999999", "1.5", ""])
def test_no_such_number_of_days(days: str) -> None:
    with pytest.raises(CommandError, match="no number of days"):
        prune(f"--days={days}")


@on_disk
def test_files_without_a_row_go_unless_they_are_just_being_stored(
    version: ModelVersion, kept: dict[str, Galaxy]
) -> None:
    old, new = (default_storage.save(f"galaxies/ab/{name}.webp", ContentFile(b"a picture")) for name in ("old", "new"))
    age(old)
    for galaxy in kept.values():
        age(str(galaxy.image.name))
    assert "Files without a row: 1 would go" in prune("--dry-run")
    assert default_storage.exists(old)
    assert "Files without a row: 1 gone" in prune()
    assert not default_storage.exists(old)
    assert default_storage.exists(new)
    assert all(default_storage.exists(str(galaxy.image.name)) for galaxy in kept.values())


def test_rows_without_a_file_stay_and_are_told(version: ModelVersion, kept: dict[str, Galaxy]) -> None:
    default_storage.delete(str(kept["liked"].image.name))
    assert "Images without their file: 1, painted again when asked for" in prune()
    Path(version.path, "manifest.json").unlink()
    assert "Images without file and model: 1; bring the model back" in prune()
    assert Galaxy.objects.count() == len(kept)


def test_sessions_that_have_expired_go_with_the_addresses_they_came_from() -> None:
    ada = make_person("ada")
    for key, until in (("a" * 32, LONG_AGO), ("b" * 32, timezone.now() + timedelta(days=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=until)
        UserSession.objects.create(user=ada, ip="127.0.0.1", session_key=key)
    assert "Expired sessions: 1 would go" in prune("--dry-run")
    assert UserSession.objects.count() == 2
    prune()
    assert [each.session_key for each in UserSession.objects.all()] == ["b" * 32]
