"""The site's own start, as make run does it, in processes of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import pytest
from django.conf import settings

from nebulai.tests.running import PATIENCE

pytestmark = pytest.mark.slow  # every command is a process that loads Django


@pytest.fixture
def environment(tmp_path: Path, bundle: Path) -> dict[str, str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return os.environ | {
        "NEBULAI_DATA_DIR": str(tmp_path / "var"),
        "NEBULAI_MODELS_STORE": str(settings.MODELS_STORE),
        "NEBULAI_DATABASE_URL": "",  # SQLite in that folder, whatever the tests run on
        "PORT": str(port),
    }


def manage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@contextmanager
def gunicorn(environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "nebulai.wsgi"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def answers(environment: dict[str, str], path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{environment['PORT']}{path}", timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def damage(bundle: Path) -> Path:
    file = max((each for each in bundle.iterdir() if each.is_file()), key=lambda each: each.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    return file


@pytest.mark.slow
def test_a_name_that_is_no_utf_8_is_said_as_it_is(environment: dict[str, str], tmp_path: Path) -> None:
    assert manage(environment, "migrate", "-v0").returncode == 0
    folder = tmp_path / os.fsdecode(b"backup-\xff")
    command = [sys.executable, "manage.py", "backup", str(folder)]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment | {"PYTHONUTF8": "1"}, capture_output=True)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert b"backup-\xff holds" in done.stdout


@pytest.mark.slow
def test_prepare_twice_and_the_site_starts_and_ends_gracefully(environment: dict[str, str], bundle: Path) -> None:
    first = manage(environment, "prepare")
    assert first.returncode == 0, first.stderr
    assert f"Activated model version {bundle.name}" in first.stdout
    assert "createsuperuser" in first.stdout
    assert "Activated" not in manage(environment, "prepare").stdout
    with gunicorn(environment) as process:
        deadline = time.monotonic() + PATIENCE
        while not answers(environment, "/readyz"):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                pytest.fail(process.communicate()[0])
            time.sleep(0.2)
        assert answers(environment, "/healthz")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.mark.slow
def test_the_site_does_not_start_on_a_damaged_bundle(environment: dict[str, str], bundle: Path) -> None:
    assert manage(environment, "prepare").returncode == 0
    file = damage(bundle)
    with gunicorn(environment) as process:
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
    assert str(file) in output
    assert "Traceback" not in output


def test_prepare_refuses_a_damaged_first_bundle_in_one_sentence(environment: dict[str, str], bundle: Path) -> None:
    file = damage(bundle)
    result = manage(environment, "prepare")
    assert result.returncode == 1
    assert file.name in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "migrate", "models", "prepare", "verify"])
def test_commands_do_not_load_tensorflow(environment: dict[str, str], command: str) -> None:
    if command in ("models", "verify"):  # which need a database
        manage(environment, "prepare")
    script = f"import sys, manage; sys.argv[1:] = [{command!r}]; manage.main(); assert 'tensorflow' not in sys.modules"
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr


def rename(bundle: Path, version: str) -> Path:
    path = Path(shutil.copytree(bundle, bundle.parent / version))
    manifest = json.loads((path / "manifest.json").read_text()) | {"version": version}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


@pytest.mark.slow
def test_models_are_listed_and_activated(environment: dict[str, str], bundle: Path) -> None:
    assert "There is none yet" not in manage(environment, "prepare").stdout
    rename(bundle, "second")
    manage(environment, "prepare")
    lines = manage(environment, "models").stdout.splitlines()
    assert lines[0].split()[:4] == ["version", "k", "px", "size"]
    assert {line.split()[0]: "active" in line for line in lines[1:]} == {bundle.name: True, "second": False}
    assert "not measured" in lines[1]
    result = manage(environment, "activate", "second")
    assert (result.returncode, "second is active" in result.stdout) == (0, True)
    file = damage(bundle)
    result = manage(environment, "activate", bundle.name)
    assert result.returncode == 1
    assert file.name in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    lines = manage(environment, "models").stdout.splitlines()
    assert {line.split()[0]: "active" in line for line in lines[1:]} == {bundle.name: False, "second": True}
    result = manage(environment, "activate", "gone")
    assert "There is no model version gone" in result.stderr


@pytest.mark.slow
def test_a_model_moves_to_another_site(environment: dict[str, str], bundle: Path, tmp_path: Path) -> None:
    manage(environment, "prepare")
    file = tmp_path / "model.zip"
    assert manage(environment, "export_bundle", bundle.name, str(file)).returncode == 0
    there = environment | {
        "NEBULAI_DATA_DIR": str(tmp_path / "there"),
        "NEBULAI_MODELS_STORE": str(tmp_path / "there" / "store"),
    }
    manage(there, "prepare")
    assert "There is none yet" in manage(there, "models").stdout
    result = manage(there, "import_bundle", str(file), "--activate")
    assert result.returncode == 0, result.stderr
    assert "active" in manage(there, "models").stdout
    assert manage(there, "verify").returncode == 0
    result = manage(there, "import_bundle", str(bundle / "manifest.json"))
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_the_worker_measures_in_a_process_of_its_own_and_says_why_it_cannot(
    environment: dict[str, str], bundle: Path
) -> None:
    manage(environment, "prepare")
    order = f"from galaxies.registry import measurement, versions; measurement.order(versions.find('{bundle.name}'))"
    assert manage(environment, "shell", "-c", order).returncode == 0
    worker = (
        "import sys, manage; sys.argv[1:] = ['db_worker', '--batch', '--interval', '0'];"
        "manage.main(); assert 'tensorflow' not in sys.modules"
    )
    result = subprocess.run(  # noqa: S603
        [sys.executable, "-c", worker], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "was not measured: The images that" in result.stderr
    states = manage(
        environment, "shell", "-c", "from galaxies.registry import measurement; print(measurement.orders())"
    ).stdout
    assert "give --images FOLDER" in states
