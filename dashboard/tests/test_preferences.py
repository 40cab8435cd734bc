import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from dashboard.training.forms import TrainingForm
from galaxies import learning
from galaxies.models import ModelVersion, PreferenceModel, Vote
from galaxies.tests.factories import make_galaxy

PAGE, LEARN = "/dashboard/preferences/", "/dashboard/preferences/learn"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """Logged in as a member of the staff."""
    client.force_login(User.objects.create(username="ada", email="ada@example.org", is_staff=True))
    return client


@pytest.fixture
def cast(version: ModelVersion) -> Callable[[int], None]:
    """Casts votes."""

    def votes(n: int) -> None:
        person = User.objects.create(username="voter", email="voter@example.org")
        galaxies = [make_galaxy(model_version=version) for _ in range(n)]
        Vote.objects.bulk_create(Vote(person=person, galaxy=each, value="like") for each in galaxies)

    return votes


def taste(encoder: str) -> PreferenceModel:
    return PreferenceModel.objects.create(
        encoder_checksum=encoder, n_votes=1234, n_galaxies=321, auc=0.713, coefficients=[], intercept=0
    )


def test_it_is_for_staff(client: Client, db: None) -> None:
    assert client.get(PAGE)["Location"].startswith("/accounts/login/")
    assert client.post(LEARN)["Location"].startswith("/accounts/login/")
    client.force_login(User.objects.create(username="eve", email="eve@example.org"))
    assert client.get(PAGE).status_code == 403
    assert client.post(LEARN).status_code == 403
    assert not DBTaskResult.objects.exists()


def test_without_votes_the_page_says_how_many_are_missing(staff: Client, cast: Callable[[int], None]) -> None:
    page = staff.get(PAGE).content.decode()
    assert "200 votes are missing" in page
    assert "disabled" in page
    cast(199)
    assert "1 vote is missing" in staff.get(PAGE).content.decode()


def test_without_a_version_the_page_says_so(staff: Client) -> None:
    assert b"No model version is active" in staff.get(PAGE).content
    staff.post(LEARN)
    assert not DBTaskResult.objects.exists()


def test_a_model_that_stands_is_shown_with_what_its_number_means(staff: Client, version: ModelVersion) -> None:
    taste(version.encoder_checksum)
    page = staff.get(PAGE).content.decode()
    for text in ("AUC 0.71", "71 of 100", "50 would be chance", "1,234", "321", version.version, "offered"):
        assert text in page


def test_a_model_of_another_encoder_does_not_stand(staff: Client, version: ModelVersion) -> None:
    taste("another")
    page = staff.get(PAGE).content.decode()
    assert "No preference model for this encoder" in page
    assert "offered" not in page
    assert "a version that is gone" in page


def test_the_order_is_queued_once_and_recorded(staff: Client, cast: Callable[[int], None]) -> None:
    cast(200)
    assert staff.post(LEARN)["Location"] == PAGE
    assert "already" in staff.post(LEARN, follow=True).content.decode()
    assert DBTaskResult.objects.get().task_path == learning.learn_preferences.module_path
    assert "Asked to learn preferences from 200 votes." in LogEntry.objects.get().change_message
    page = staff.get(PAGE)
    assert "waits for the worker" in page.content.decode()
    assert 'hx-trigger="every 2s"' in page.content.decode()
    fragment = staff.get(PAGE, headers=HTMX)
    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ({"learned": True, "sentence": "Learned from 300 votes."}, "Learned from 300 votes."),
        ({"learned": False, "sentence": "There are 3 votes."}, "There are 3 votes."),
    ],
)
def test_when_it_is_done_its_sentence_is_shown_and_polling_ends(
    staff: Client, cast: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, outcome: dict[str, Any], text: str
) -> None:
    cast(200)
    monkeypatch.setattr(learning, "run", lambda: outcome)
    staff.post(LEARN)
    waiting = DBTaskResult.objects.get()
    waiting.set_successful(waiting.task.call())  # as a worker does, which would close the test's connection
    fragment = staff.get(PAGE, headers=HTMX)
    assert fragment.status_code == 286
    for page in (fragment.content.decode(), staff.get(PAGE).content.decode()):
        assert text in page
        assert "every 2s" not in page
    assert learning.order()


def test_a_worker_that_was_killed_does_not_block_the_next_order(staff: Client, cast: Callable[[int], None]) -> None:
    cast(200)
    staff.post(LEARN)
    DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now())
    assert not learning.order()
    DBTaskResult.objects.update(started_at=timezone.now() - 2 * learning.LONGEST)
    assert "The worker was ended" in staff.get(PAGE).content.decode()
    assert learning.order()


@pytest.mark.slow
def test_the_child_s_refusal_is_its_sentence(db: None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own, with a database of its own in which nothing is active."""
    monkeypatch.setenv("NEBULAI_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NEBULAI_DATABASE_URL", "")
    monkeypatch.setenv("NEBULAI_MODELS_STORE", str(tmp_path / "store"))
    broken = learning.run()  # no tables yet
    assert not broken["learned"]
    assert str(broken["sentence"]).startswith("It was ended: the worker's log says why.")
    subprocess.run([sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "-v0"], check=True)  # noqa: S603
    assert str(learning.run()["sentence"]).startswith("No model version is active")


def test_a_training_is_offered_to_weigh_images_only_where_a_model_stands(staff: Client, version: ModelVersion) -> None:
    assert 'name="prefer"' not in staff.get("/dashboard/training/").content.decode()
    assert "prefer" not in TrainingForm({"drawn": "600", "preset": "tiny", "prefer": "on"}).fields
    taste(version.encoder_checksum)
    assert 'name="prefer"' in staff.get("/dashboard/training/").content.decode()
    for given, chosen in (({"prefer": "on"}, True), ({}, False)):
        form = TrainingForm({"drawn": "600", "preset": "tiny"} | given)
        assert form.is_valid(), form.errors
        assert form.options.prefer is chosen
