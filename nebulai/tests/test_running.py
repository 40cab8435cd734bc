"""A production site of two processes: what it writes, and what /metrics tells of both."""

import json
import os
import re
import signal
from pathlib import Path

import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from nebulai.tests.running import Site, until

pytestmark = pytest.mark.slow

KEY = "a key that nobody has guessed"
AGENT, ADDRESS, EMAIL = "Stargazer/7", "203.0.113.77", "ada.lovelace@example.org"
# What TensorFlow writes by itself before it can be told to be silent.
TENSORFLOW = re.compile(r"WARNING: All log messages before absl|[IWE]0000 00:00:")


@pytest.fixture
def production(tmp_path: Path, bundle: Path) -> Site:  # not `site`: that is the fixture by which tests leave ours alone
    file = tmp_path / "key"
    file.write_text(KEY)
    proxied = {"NEBULAI_TRUSTED_PROXY_COUNT": "1", "NEBULAI_METRICS_KEY_FILE": str(file)}
    site = Site(tmp_path, settings.MODELS_STORE, proxied)
    site.manage("prepare")
    return site


def numbers(site: Site) -> dict[str, float]:
    """What /metrics tells, summed over labels."""
    status, _, body = site.ask("/metrics", headers={"Authorization": f"Bearer {KEY}"})
    assert status == 200
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def ids(site: Site) -> list[int]:
    """The processes that gunicorn has started."""
    return [int(each) for each in re.findall(r"Booting worker with pid: (\d+)", site.log.read_text())]


def test_logs_and_metrics_of_a_site_with_two_processes(production: Site) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": ADDRESS, "User-Agent": AGENT}
    with production.served("--workers", "2", "--access-logfile", "-") as process:
        until(lambda: numbers(production)["nebulai_generators_loaded"] == 2)
        before = numbers(production)
        answers = [
            production.ask("/robots.txt", headers=forwarded | {"Referer": f"https://x/{EMAIL}"}) for _ in range(30)
        ]
        assert {status for status, _, _ in answers} == {200}
        assert production.ask(f"/{EMAIL}?of={EMAIL}", headers=forwarded)[0] == 404
        assert production.ask("/", "POST", forwarded, "a=b")[0] == 403
        assert production.ask("/robots.txt")[0] == 301  # to HTTPS
        told = numbers(production)
        assert told["nebulai_requests_total"] - before["nebulai_requests_total"] == 34
        assert production.ask("/metrics")[0] == 403

        os.kill(ids(production)[0], signal.SIGKILL)
        until(
            lambda: len(ids(production)) == 3 and numbers(production)["nebulai_generators_loaded"] == 2,
            production.log.read_text,
        )
        assert numbers(production)["nebulai_requests_total"] > told["nebulai_requests_total"]  # what it counted is kept
        assert process.poll() is None

    lines = [line for line in production.log.read_text().splitlines() if not TENSORFLOW.match(line)]
    events = [json.loads(line) for line in lines]
    assert {"gunicorn.error", "gunicorn.access", "nebulai.requests", "django.request"} <= {e["logger"] for e in events}
    request_ids = {headers["X-Request-ID"] for _, headers, _ in answers}
    assert request_ids <= {event.get("request_id") for event in events if event["event"] == "request"}
    for needle in (AGENT, ADDRESS, EMAIL, "lovelace", KEY):
        assert needle not in production.log.read_text()
    assert not list(Path("/dev/shm").glob(f"nebulai-metrics-{process.pid}-*"))  # noqa: S108
