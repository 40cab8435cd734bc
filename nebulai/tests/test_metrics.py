"""/metrics: who may read it, and that it tells what has happened."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from django.db import connection, connections
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from galaxies.models import TrainingRun
from galaxies.serving import Service
from nebulai.checks import environment

pytestmark = pytest.mark.django_db
KEY = "a key that nobody has guessed"
DASHBOARD = Path(site.BASE_DIR, "deploy", "grafana.json")


@pytest.fixture
def key(settings: Settings) -> str:
    settings.METRICS_KEY = KEY
    return KEY


def ask(client: Client | None = None, key: str = KEY) -> dict[str, Metric]:
    """What /metrics tells, by the name of the metric."""
    response = (client or Client()).get("/metrics", headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(response.content.decode())}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """The value of a sample; 0 if there is none yet."""
    family = families.get(re.sub("_(total|count|sum|bucket)$", "", name)) or families.get(name)
    samples = family.samples if family else []
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"bearer {KEY}",
        f"Bearer {KEY}x",
        f"Basic {KEY}",
        KEY,
        "Bearer Ã©",
    ],  # an é, as WSGI hands it over
)
def test_nobody_reads_it_without_the_key(client: Client, key: str, header: str) -> None:
    response = client.get("/metrics", headers={"Authorization": header} if header else {})
    assert response.status_code == 403
    assert b"nebulai_" not in response.content


def test_it_is_not_there_where_the_site_has_no_key(client: Client, settings: Settings) -> None:
    settings.METRICS_KEY = ""
    for header in ("Bearer ", "Bearer", ""):
        assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_who_has_the_key_reads_it_by_header_alone(client: Client, key: str) -> None:
    response = client.get("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    assert client.get(f"/metrics?key={KEY}&token={KEY}").status_code == 403


def test_a_short_key_is_refused(settings: Settings) -> None:
    settings.METRICS_KEY = "guess me"
    assert "nebulai.E009" in {each.id for each in environment()}
    settings.METRICS_KEY = KEY
    assert "nebulai.E009" not in {each.id for each in environment()}


def test_requests_are_counted_by_view_and_status(client: Client, key: str) -> None:
    before = ask()
    for address in ("/galaxies/", "/galaxies/?page=2", "/robots.txt", "/nowhere", "/g/000000000000/"):
        client.get(address)
    client.post("/galaxies/")
    after = ask()

    def more(**labels: str) -> float:
        name = "nebulai_requests_total"
        return value(after, name, **labels) - value(before, name, **labels)

    assert more(view="galaxies:gallery", method="GET") == 2
    assert more(view="galaxies:gallery", method="POST", status="405") == 1
    assert more(view="robots", status="200") == 1
    assert more(view="none", status="404") >= 1
    assert more(view="metrics", status="200") == 1
    name = "nebulai_request_seconds_count"
    assert value(after, name, view="galaxies:gallery") - value(before, name, view="galaxies:gallery") == 3


def test_an_odd_method_makes_no_line_of_its_own(client: Client, key: str) -> None:
    client.generic("BREW", "/robots.txt")
    methods = {each.labels["method"] for each in ask()["nebulai_requests"].samples}
    assert "other" in methods
    assert "BREW" not in methods


def test_what_the_generator_makes_is_counted_and_nothing_is_left_waiting(key: str, generator: Service) -> None:
    before = ask()
    response = Client().post("/generate", {"cluster": "0", "psi": "0.8"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    after = ask()
    for name in ("nebulai_batch_size_sum", "nebulai_seconds_each_count"):
        assert value(after, name, of="galaxies") - value(before, name, of="galaxies") >= 1
    assert value(after, "nebulai_seconds_each_sum", of="galaxies") > value(
        before, "nebulai_seconds_each_sum", of="galaxies"
    )
    assert value(after, "nebulai_queue_length") == 0
    assert value(after, "nebulai_generators_loaded") == 1


def test_refusals_are_counted_by_their_reason(key: str, version: Any) -> None:
    before = ask()
    client = Client(raise_request_exception=False)
    service = Service()  # nothing is loaded
    service.start = lambda on_boot_failure=None: None  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("galaxies.generation.service", lambda: service)
        assert client.post("/generate", {"cluster": "0", "psi": "0.8"}).status_code == 503
    after = ask()
    told = {each: value(after, "nebulai_refusals_total", why=each) for each in ("full", "slow", "loading")}
    assert told["loading"] == value(before, "nebulai_refusals_total", why="loading") + 1


def test_trainings_tasks_and_room_are_looked_up(key: str) -> None:
    assert not ask()["nebulai_training_share"].samples
    TrainingRun.objects.create(
        name="20261127-tiny", state="running", phase="adversarial", share=0.25, images_per_second=70, eta_seconds=90
    )
    now = timezone.now()
    for later in (0, 3600):
        task = DBTaskResult.objects.create(
            task_path="galaxies.measuring.measure",
            args_kwargs={"args": [], "kwargs": {}},
            backend_name="default",
            run_after=now + timedelta(seconds=later - 1),
        )
        DBTaskResult.objects.filter(pk=task.pk).update(enqueued_at=now - timedelta(seconds=100))
    found = ask()
    labels = {"run": "20261127-tiny", "phase": "adversarial"}
    assert value(found, "nebulai_training_share", **labels) == 0.25
    assert value(found, "nebulai_training_images_per_second", **labels) == 70
    assert value(found, "nebulai_training_left_seconds", **labels) == 90
    assert value(found, "nebulai_tasks_waiting") == 1
    assert 100 <= value(found, "nebulai_tasks_oldest_seconds") < 1000
    assert value(found, "nebulai_database_up") == 1
    site.DATA_DIR.mkdir(exist_ok=True)
    found = ask()
    assert (
        0
        < value(found, "nebulai_disk_free_bytes", place="data")
        < value(found, "nebulai_disk_size_bytes", place="data")
    )


def test_it_answers_while_the_database_is_gone(transactional_db: None, key: str) -> None:
    connections.close_all()
    with pytest.MonkeyPatch.context() as gone:
        gone.setitem(connection.settings_dict, "NAME", "/nowhere/gone.sqlite3")
        gone.setitem(connection.settings_dict, "HOST", "/nowhere")
        found = ask()
        connections.close_all()
    assert value(found, "nebulai_database_up") == 0
    assert "nebulai_requests" in found
    assert "nebulai_tasks_waiting" not in found


def queries(dashboard: Any) -> list[str]:
    """Every query of a dashboard, of its panels and of rows of panels."""
    panels = [inner for panel in dashboard["panels"] for inner in [panel, *panel.get("panels", [])]]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def test_the_example_dashboard_asks_for_metrics_that_exist(key: str, generator: Service) -> None:
    TrainingRun.objects.create(name="run", state="running")
    site.DATA_DIR.mkdir(exist_ok=True)
    Client().get("/robots.txt")
    Client().post("/generate", {"cluster": "0", "psi": "0.8"})
    exist = {sample.name for family in ask().values() for sample in family.samples}
    dashboard = json.loads(DASHBOARD.read_text())
    used = {name for query in queries(dashboard) for name in re.findall(r"\bnebulai_\w+", query)}
    assert used - exist == set()
    families = {re.sub("_(total|count|sum|bucket)$", "", each) for each in exist if not each.endswith("_created")}
    assert families - {re.sub("_(total|count|sum|bucket)$", "", each) for each in used} == set(), "nobody looks at them"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
