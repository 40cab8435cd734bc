import json
import os
import re
import shutil
import threading
from dataclasses import asdict
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.checks import run_checks
from django.db import connections
from django.test import Client
from django.urls import reverse
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult
from PIL import Image
from pytest_django.fixtures import Settings

from accounts.models import User
from dashboard.training import query
from galaxies.models import ModelVersion, TrainingRun
from galaxies.training import folders, life_cycle, looking
from galaxies.training.request import Options

TRAINING = "/dashboard/training/"
HTMX = {"HX-Request": "true"}
DRAWN = {"drawn": "600", "preset": "tiny"}
State = TrainingRun.State


def address_of(run: TrainingRun) -> str:
    """The page of a run."""
    return reverse("dashboard:training_run", args=[run.pk])


@pytest.fixture(autouse=True)
def data_folders(settings: Settings, tmp_path: Path) -> Path:
    """A data folder and a folder of data sets of this test's own: one set of two images, and an empty one."""
    settings.DATA_DIR, settings.DATASETS_DIR = tmp_path / "var", tmp_path / "datasets"
    for name in ("zoo/deep", "empty"):
        (settings.DATASETS_DIR / name).mkdir(parents=True)
    for name in ("a.png", "deep/b.JPG"):
        (settings.DATASETS_DIR / "zoo" / name).write_bytes(b"an image")
    return tmp_path


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_user("staff", "staff@example.org", "far out", is_staff=True))
    return client


def make(state: str = State.RUNNING, **values: object) -> TrainingRun:
    """A run with its folder, in some state; a running one is not checked for who trains it."""
    run = folders.start(Options(synthetic=600, preset="tiny", k=6))
    return TrainingRun.objects.create(name=run.folder.name, options=asdict(run.options), state=state, **values)


def words(content: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content.decode()))


def errors(content: bytes) -> str:
    return " ".join(re.findall(r'class="error"[^>]*>([^<]+)', content.decode())).replace("&#x27;", "'")


def test_it_works(staff: Client) -> None:
    page = words(staff.get(TRAINING).content)
    assert "zoo (2 images)" in page
    assert "empty (" not in page
    assert "Start training" in page
    response = staff.post(
        TRAINING, {"images": "zoo", "preset": "small", "minutes": "90", "k": "7", "resolution": "256"}
    )
    run = TrainingRun.objects.get()
    assert (response.status_code, response["Location"]) == (302, address_of(run))
    assert run.started_by is not None
    chosen = {key: run.options[key] for key in ("preset", "budget_minutes", "k", "resolution", "start_from")}
    assert chosen == {"preset": "small", "budget_minutes": 90, "k": 7, "resolution": 256, "start_from": None}
    assert run.options["images"].endswith("datasets/zoo")
    assert DBTaskResult.objects.get().args_kwargs["args"] == [run.pk]
    assert LogEntry.objects.get().object_id == str(run.pk)
    page = words(staff.get(address_of(run)).content)
    assert "It waits for a worker" in page
    assert "90 minutes" in page
    page = words(staff.get(TRAINING).content)
    assert "Another one can be started when it is done" in page
    assert "Start training" not in page


def test_visitors_and_people_who_are_not_staff_stay_outside(client: Client, db: None) -> None:
    run = make()
    addresses = [TRAINING, address_of(run), f"{address_of(run)}samples.png"]
    for address in addresses:
        assert client.get(address).status_code == 302
    client.force_login(User.objects.create_user("ada", "ada@example.org", "far out"))
    for address in addresses:
        assert client.get(address).status_code == 403
    for deed in ("cancel", "resume"):
        assert client.post(f"{address_of(run)}{deed}").status_code == 403
    assert client.post(TRAINING, DRAWN).status_code == 403
    assert TrainingRun.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"images": "gone"}, "gone is not there any more: put it back"),
        ({"images": "empty"}, "empty holds no JPEG, PNG or WebP image"),
        ({"images": "../secret"}, "leads out of the folder of data sets"),
        ({"images": "link"}, "leads out of the folder of data sets"),
        ({"images": "."}, "leads out of the folder of data sets"),
        ({"images": "zoo\0"}, "Null characters are not allowed"),
        ({"drawn": "12"}, "Use a number from 500 to 20,000."),
        ({"minutes": "nan"}, "Use a number from 0.1 to 43,200."),
        ({"k": "1"}, "Use a number from 2 to 24."),
        ({"preset": "huge"}, "Select a valid choice"),
        ({"resolution": "256", "preset": "tiny", "drawn": "600", "start": "active"}, "No version is active yet"),
        ({"preset": "small", "resolution": "32"}, "Preset small cannot generate 32 px: choose one of 64, 128"),
    ],
)
def test_what_cannot_be_trained_is_a_sentence_on_the_form(
    staff: Client, data_folders: Path, changes: dict[str, str], sentence: str
) -> None:
    (data_folders / "secret").mkdir()
    (data_folders / "secret" / "a.png").write_bytes(b"an image")
    (data_folders / "datasets" / "link").symlink_to(data_folders / "secret")
    response = staff.post(TRAINING, DRAWN | changes, headers=HTMX)
    assert response.status_code == 422
    assert sentence in errors(response.content)
    assert 'id="ask"' in response.content.decode()  # where htmx puts it
    assert not TrainingRun.objects.exists()
    assert not list(data_folders.glob("var/training/*/run.json"))


def test_without_a_folder_of_data_sets_galaxies_are_drawn(staff: Client, settings: Settings) -> None:
    settings.DATASETS_DIR = ""
    assert "once NEBULAI_DATASETS_DIR names the folder" in words(staff.get(TRAINING).content)
    assert "No folder of data sets is set" in errors(staff.post(TRAINING, DRAWN | {"images": "zoo"}).content)
    response = staff.post(TRAINING, DRAWN, headers=HTMX)
    run = TrainingRun.objects.get()
    assert response["HX-Redirect"] == address_of(run)
    assert (run.options["synthetic"], run.options["images"]) == (600, None)
    assert "no photograph was used" in run.options["credit"]


def test_a_folder_of_data_sets_that_is_not_there_is_named_by_check(settings: Settings, tmp_path: Path) -> None:
    assert not [each for each in run_checks() if each.id == "nebulai.E006"]
    settings.DATASETS_DIR = tmp_path / "nowhere"
    assert "there is no such folder" in next(each.msg for each in run_checks() if each.id == "nebulai.E006")


def test_from_the_active_version_keeps_to_what_it_is(staff: Client, version: ModelVersion) -> None:
    few = staff.post(TRAINING, DRAWN | {"start": "active", "k": "24"})
    assert f"Version {version} has {version.n_clusters} families, not 24" in errors(few.content)
    other = staff.post(TRAINING, DRAWN | {"start": "active", "preset": "small"})
    assert "are not those of preset small" in errors(other.content)
    assert staff.post(TRAINING, DRAWN | {"start": "active"}).status_code == 302
    assert TrainingRun.objects.get().options["start_from"] == version.version


def test_of_two_people_who_start_at_once_one_wins(transactional_db: None) -> None:
    together, answers = threading.Barrier(2), []

    def ask(client: Client) -> None:
        together.wait()
        try:
            answers.append(client.post(TRAINING, DRAWN))
        finally:
            connections.close_all()

    clients = [Client(), Client()]
    for number, client in enumerate(clients):
        client.force_login(User.objects.create_user(f"staff{number}", f"{number}@example.org", "f", is_staff=True))
    threads = [threading.Thread(target=ask, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [302, 422]
    refused = next(answer for answer in answers if answer.status_code == 422)
    assert "One training runs at a time" in errors(refused.content)
    assert TrainingRun.objects.count() == 1


def test_a_run_is_polled_until_it_is_done(staff: Client, data_folders: Path) -> None:
    run = make(
        phase="adversarial", images=4800, images_per_second=120.4, share=0.25, eta_seconds=600, losses={"d": 0.7}
    )
    address = address_of(run)
    with life_cycle.lock():
        whole = staff.get(address).content.decode()
        shown = words(whole.encode())
        for text in (
            "Running",
            "Adversarial: generator against discriminator",
            "25%",
            "4,800",
            "120",
            "10 min",
            "0.700",
        ):
            assert text in shown
        poll = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s"', whole)
        assert poll
        same = staff.get(poll[1].replace("&amp;", "&"), headers=HTMX)
        assert same.status_code == 200
        assert 'id="evidence"' not in same.content.decode()  # nothing new: tables stay open
        (data_folders / "var/training" / run.name / "run.log").write_text("2026-01-01 00:00:00 Phase adversarial.\n")
        newer = staff.get(poll[1].replace("&amp;", "&"), headers=HTMX).content.decode()
        assert 'id="evidence" class="evidence" hx-swap-oob="true"' in newer
        assert "Phase adversarial." in newer
    TrainingRun.objects.update(state=State.FAILED, message="The loss d is no longer a number.")
    last = staff.get(address, headers=HTMX)
    assert last.status_code == 286
    assert "hx-trigger" not in last.content.decode()
    assert "The loss d is no longer a number." in words(last.content)


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({}, set()),
        ({"start_from": "v"}, {"Encoder", "Warm start"}),
        ({"start_from": "v", "keep_stage": True}, {"Encoder", "Warm start", "Super-resolution"}),
    ],
)
def test_steps_that_a_run_leaves_out_are_not_shown(db: None, options: dict[str, object], left_out: set[str]) -> None:
    run = make(phase="refinement")
    run.options |= options
    shown = dict(query.steps(run))
    assert shown["Refinement"] == "now"
    assert set(query.STEPS) - set(shown) == left_out


def test_a_page_finds_a_run_that_was_interrupted(staff: Client) -> None:
    run = make()
    page = words(staff.get(address_of(run)).content)
    assert "Interrupted Its process ended without a word" in page
    assert "Resume" in page


def test_cancel_and_resume(staff: Client, data_folders: Path) -> None:
    run = make()
    with life_cycle.lock():
        response = staff.post(f"{address_of(run)}cancel", headers=HTMX)
        assert "Cancelling" in words(response.content)
        run.refresh_from_db()
        assert (run.state, run.cancel_requested) == (State.RUNNING, True)
    TrainingRun.objects.update(state=State.CANCELLED)
    wrong = staff.post(f"{address_of(run)}resume", {"minutes": "-3"}, headers=HTMX)
    assert wrong.status_code == 422
    assert "Use a number from 0.1" in errors(wrong.content)
    assert staff.post(f"{address_of(run)}resume", {"images_seen": "2000"}).status_code == 302
    run.refresh_from_db()
    assert (run.state, run.cancel_requested, run.options["budget_images"]) == (State.QUEUED, False, 2000)
    assert json.loads((data_folders / "var/training" / run.name / "run.json").read_text())["budget_images"] == 2000
    assert DBTaskResult.objects.count() == 1
    assert staff.post(f"{address_of(run)}cancel").status_code == 302  # before a worker took it
    run.refresh_from_db()
    assert run.state == State.CANCELLED
    assert sorted(LogEntry.objects.values_list("change_message", flat=True)) == [
        "Cancelled the training.",
        "Cancelled the training.",
        "Resumed the training.",
    ]
    shutil.rmtree(data_folders / "var/training" / run.name)
    gone = staff.post(f"{address_of(run)}resume", headers=HTMX)
    assert gone.status_code == 422
    assert "There is no run" in errors(gone.content)


def test_a_done_run_is_trained_further_only_with_a_larger_budget(staff: Client, version: ModelVersion) -> None:
    run = make(State.DONE, model_version=version, message="Registered.")
    page = words(staff.get(address_of(run)).content)
    assert f"See and activate {version}" in page
    assert "Train further" in page
    refused = staff.post(f"{address_of(run)}resume")
    assert refused.status_code == 422
    assert "give it a larger budget" in errors(refused.content)


def test_curves_and_table_of_the_log(staff: Client, data_folders: Path) -> None:
    run = make(State.CANCELLED)
    lines = [f'adversarial,{32 * i},100.0,"{{""d"": {1 + i / 1000}}}"' for i in range(1, 501)]
    lines[300:300] = [
        *lines[250:300],
        'adversarial,99,1.0,"{""d"": NaN}"',
        "adversarial,12",
        "advers",
    ]  # killed, disk full
    log = data_folders / "var/training" / run.name / "log.csv"
    log.write_text("\n".join(["phase,images,images_per_second,losses", "encoder,64,9.0,{}", *lines]))
    encoder, chart = query.charts(run)
    assert (encoder.curves, chart.images) == ((), 16_000)
    points = [tuple(map(float, point.split(","))) for point in chart.curves[0].points.split()]
    assert len(points) == query.POINTS
    assert points == sorted(points, key=lambda point: (point[0], -point[1]))  # to the right and upwards: no step back
    assert (chart.curves[0].low, chart.curves[0].high, chart.curves[0].last) == ("1.00", "1.50", "1.50")
    with log.open("ab") as file:
        file.write(b'\nadversarial,99999,1.0,"\xff\0' + b"x" * 200_000)  # damaged: a quotation that is never closed
    page = staff.get(address_of(run)).content.decode()
    assert "<title>Adversarial: generator against discriminator: d, now 1.50</title>" in page
    assert page.count("<tr>") == query.TABLE_ROWS + 3  # two heads, and the encoder's line
    assert not re.search(r"<style|style=| on[a-z]+=", page)


def test_the_newest_samples_are_served_and_no_other_file(staff: Client, data_folders: Path) -> None:
    run = make(State.CANCELLED)
    address = f"{address_of(run)}samples.png"
    assert staff.get(address).status_code == 404
    samples = data_folders / "var/training" / run.name / "samples"
    samples.mkdir()
    (samples / "secrets.png").write_bytes(b"secret")
    assert staff.get(address).status_code == 404
    for number, name in enumerate(("warm_start-000000640.png", "adversarial-000000032.png")):
        Image.new("RGB", (8 + number, 8)).save(samples / name)
    response = staff.get(f"{address}?../../run.json")
    assert response["Content-Type"] == "image/png"
    assert b"".join(response.streaming_content) == (samples / "adversarial-000000032.png").read_bytes()  # type: ignore[attr-defined]
    assert "after 32 images" in words(staff.get(address_of(run)).content)


def test_the_form_shows_what_a_training_would_find(staff: Client) -> None:
    chosen = {"images": "zoo", "preset": "tiny", "k": "7", "minutes": "3", "credit": "Ada"}
    response = staff.post(f"{TRAINING}check", chosen)
    assert response.status_code == 302
    assert not TrainingRun.objects.exists()
    page = staff.get(response["Location"]).content.decode()
    assert "The images are being read" in words(page.encode())
    for field in ('value="zoo" selected', 'value="tiny" selected', 'value="7"', 'value="3.0"', 'value="Ada"'):
        assert field in page
    poll = re.search(r'hx-get="([^"]+)" hx-trigger="every 2s" hx-target="#found"', page)
    assert poll
    assert staff.get(poll[1]).status_code == 200
    found = {
        "facts": [["Images", "520 read from zoo"]],
        "skipped": [{"reason": "grey", "count": 12, "names": ["<b>.png"]}],
        "error": "",
    }
    DBTaskResult.objects.update(status=TaskResultStatus.SUCCESSFUL, return_value=found)
    done = staff.get(poll[1])
    assert done.status_code == 286
    assert "Images 520 read from zoo 12 skipped: grey &lt;b&gt;.png The first 1 of 12." in words(done.content)
    assert "520 read from zoo" in staff.get(response["Location"]).content.decode()


@pytest.mark.slow
def test_the_worker_looks_as_the_command_does(staff: Client, data_folders: Path) -> None:
    found = looking.look.func({**asdict(Options(images=str(data_folders / "datasets/zoo"), preset="tiny"))})
    assert found["error"].startswith("Only 0 usable images: at least 500")
    assert found["skipped"][0]["count"] == 2
    missing = looking.look.func(asdict(Options(images="/nowhere", preset="tiny")))
    assert missing["error"].startswith("There is no folder or file /nowhere")


def test_a_check_that_cannot_be_made_is_a_sentence_or_404(staff: Client) -> None:
    assert "empty holds no JPEG" in errors(
        staff.post(f"{TRAINING}check", {"images": "empty", "preset": "tiny"}).content
    )
    assert staff.get(f"{TRAINING}?check=nonsense").status_code == 200
    assert staff.get(f"{TRAINING}check/00000000-0000-0000-0000-000000000000").status_code == 404


def test_folders_that_no_page_can_name_are_left_out(staff: Client, data_folders: Path) -> None:
    os.mkdir(os.fsencode(data_folders / "datasets") + b"/gal\xe1xia")
    Path(os.fsdecode(os.fsencode(data_folders / "datasets") + b"/gal\xe1xia/a.png")).write_bytes(b"an image")
    (data_folders / "datasets/loop").symlink_to(data_folders / "datasets/loop")
    response = staff.get(TRAINING)
    assert response.status_code == 200
    assert "zoo (2 images)" in words(response.content)
    assert staff.post(TRAINING, DRAWN | {"images": "é" * 250}).status_code == 422
