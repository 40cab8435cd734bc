"""The settings as an operator meets them: through the environment of a fresh process."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from nebulai import checks, env
from nebulai.env import local_secret_key

PRODUCTION = {
    "NEBULAI_DEBUG": "0",
    "NEBULAI_SECRET_KEY": "7sD0c_9kqLr2mTzX4vB8nW1yE5uH6jP3aFgKiOqRsVxZtCdMbN",
    "NEBULAI_ALLOWED_HOSTS": "galaxies.example",
}


def manage(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NEBULAI_", "DJANGO_"))}
    return subprocess.run(  # noqa: S603
        [sys.executable, settings.BASE_DIR / "manage.py", *arguments],
        env=clean | {"NEBULAI_DATA_DIR": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_nothing_set_is_a_working_local_site_with_a_private_key(tmp_path: Path) -> None:
    assert manage(tmp_path, "check").returncode == 0
    key = tmp_path / "secret_key"
    first = key.read_text()
    assert len(first) > 60
    assert key.stat().st_mode & 0o777 == 0o600
    assert manage(tmp_path, "check").returncode == 0
    assert key.read_text() == first


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = list(pool.map(lambda _: local_secret_key(tmp_path / "key"), range(64)))
    assert len(set(keys)) == 1
    assert [path.name for path in tmp_path.glob("key*")] == ["key"]


def test_production_without_a_key_says_why_it_does_not_start(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", NEBULAI_DEBUG="0")
    assert result.returncode == 1
    assert "NEBULAI_SECRET_KEY" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "secret_key").exists()


def test_production_passes_the_deployment_check(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert result.returncode == 0, result.stderr


def test_production_without_hosts_is_refused(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **PRODUCTION | {"NEBULAI_ALLOWED_HOSTS": ""})
    assert result.returncode == 1
    assert "NEBULAI_ALLOWED_HOSTS" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEBULAI_DEBUG", "maybe"),
        ("NEBULAI_HTTPS", "2"),
        ("NEBULAI_RATE_LIMITS", "of"),
        ("NEBULAI_TRUSTED_PROXY_COUNT", "-1"),
        ("NEBULAI_CACHE_URL", "memcached://127.0.0.1"),
        ("NEBULAI_CSRF_TRUSTED_ORIGINS", "galaxies.example"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, variable: str, value: str) -> None:
    result = manage(tmp_path, "check", **PRODUCTION | {variable: value})
    assert result.returncode == 1
    assert variable in result.stderr
    assert "As of Django" not in result.stderr  # whose own check of the origins names no variable of ours


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysqlx://host/name", "cannot be read: use postgres://"),
        ("hello", "cannot be read: use postgres://"),
        ("postgres://user:password@host:99999/name", "cannot be read: use postgres://"),
        ("mysql://host/name", "names no database that can be used: use postgres://"),
        ("postgres://host", "names no database that can be used: use postgres://"),
    ],
)
def test_a_database_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("NEBULAI_DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match=f"^NEBULAI_DATABASE_URL {said}"):
        env.database("NEBULAI_DATABASE_URL", "sqlite:///unused")


def test_a_database_url_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", NEBULAI_DATABASE_URL="mysqlx://host/name")
    assert result.returncode == 1
    assert result.stderr.startswith("NebulAI cannot start: NEBULAI_DATABASE_URL cannot be read: use postgres://")
    assert result.stderr.count("\n") == 1


def test_a_database_whose_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEBULAI_DATABASE_URL", "postgres://user:password@host/name")
    for module in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImproperlyConfigured, match=r'pip install "psycopg\[binary\]"'):
        env.database("NEBULAI_DATABASE_URL", "sqlite:///unused")


def test_packages_that_variables_need_are_named(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.CACHE_URL, settings.S3_BUCKET = "redis://h/0", "galaxies"
    settings.GENERATOR = "ray://h:8000"  # which the site reaches by HTTP, without Ray
    for module in ("redis", "storages", "ray"):
        monkeypatch.setitem(sys.modules, module, None)
    said = [str(each.msg) for each in checks.environment() if each.id == "nebulai.E004"]
    assert [sentence.split()[0] for sentence in said] == ["NEBULAI_CACHE_URL", "NEBULAI_S3_BUCKET"]
    assert all(".venv/bin/pip install" in sentence for sentence in said)


def test_a_short_key_is_a_warning_in_production(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", **PRODUCTION | {"NEBULAI_SECRET_KEY": "short"})
    assert result.returncode == 0
    assert "NEBULAI_SECRET_KEY is short" in result.stderr


def test_a_misspelt_debug_errs_on_the_safe_side(tmp_path: Path) -> None:
    script = "from django.conf import settings as s; print(s.DEBUG, s.HTTPS)"
    result = manage(tmp_path, "shell", "--no-imports", "-c", script, **PRODUCTION | {"NEBULAI_DEBUG": "flase"})
    assert result.stdout.split() == ["False", "True"]


def test_missing_inception_weights_are_a_warning(tmp_path: Path) -> None:
    missing = manage(tmp_path, "check", NEBULAI_INCEPTION_WEIGHTS=str(tmp_path / "inception.h5"))
    assert missing.returncode == 0
    assert "NEBULAI_INCEPTION_WEIGHTS" in missing.stderr
    (tmp_path / "inception.h5").touch()
    assert "NEBULAI" not in manage(tmp_path, "check", NEBULAI_INCEPTION_WEIGHTS=str(tmp_path / "inception.h5")).stderr


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = manage(tmp_path, "check", NEBULAI_DATA_DIR=str(tmp_path / "file" / "var"))
    assert result.returncode == 1
    assert "NEBULAI_DATA_DIR" in result.stderr
    assert "Traceback" not in result.stderr


def test_collected_static_files_have_hashed_names(tmp_path: Path) -> None:
    assert manage(tmp_path, "collectstatic", "--no-input").returncode == 0
    assert list((tmp_path / "static" / "css").glob("nebulai.*.css"))
    assert list((tmp_path / "static" / "css").glob("nebulai.*.css.gz"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"NEBULAI_SIGNUP": "perhaps"}, "NEBULAI_SIGNUP"),
        ({"NEBULAI_EMAIL_VERIFICATION": "never"}, "NEBULAI_EMAIL_VERIFICATION"),
        ({"NEBULAI_EMAIL_URL": "mail.example"}, "NEBULAI_EMAIL_URL"),
        ({"NEBULAI_EMAIL_URL": "smtp://host:port"}, "NEBULAI_EMAIL_URL"),
        ({"NEBULAI_GOOGLE_CLIENT_ID": "an-id"}, "NEBULAI_GOOGLE_SECRET"),
        ({"NEBULAI_EMAIL_VERIFICATION": "mandatory"} | PRODUCTION, "NEBULAI_EMAIL_URL"),
    ],
)
def test_settings_about_people_that_cannot_be_used_are_named(
    tmp_path: Path, variables: dict[str, str], name: str
) -> None:
    result = manage(tmp_path, "check", **variables)
    assert result.returncode == 1
    assert name in result.stderr


@pytest.mark.slow
def test_other_sites_to_log_in_with_are_those_whose_keys_are_set(tmp_path: Path) -> None:
    program = """
from django.conf import settings
from django.test import Client
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
response = Client().get("/accounts/login/", headers={"host": "localhost"})
page = response.content.decode()
print("/accounts/github/login/" in page, "google" in page, response["Content-Security-Policy"])
response = Client().post("/accounts/github/login/", headers={"host": "localhost"})
print(response["Location"])
"""
    keys = {"NEBULAI_GITHUB_CLIENT_ID": "an-id", "NEBULAI_GITHUB_SECRET": "a-secret"}
    assert manage(tmp_path, "migrate", **keys).returncode == 0
    assert manage(tmp_path, "createcachetable", **keys).returncode == 0
    result = manage(tmp_path, "shell", "--no-imports", "-c", program, **keys)
    assert result.stdout.startswith("True False "), result.stderr
    assert "form-action 'self' https://github.com" in result.stdout
    assert "https://github.com/login/oauth/authorize?client_id=an-id" in result.stdout


def test_mail_is_sent_as_the_address_of_its_server_says() -> None:
    assert env.mail("") == ("localhost", 25, "", "", False, False)
    assert env.mail("smtp+tls://ada%40example.org:p%2Fw@mail.example") == (
        *("mail.example", 587, "ada@example.org", "p/w"),
        *(False, True),
    )
    assert env.mail("smtps://mail.example:4650")[:2] == ("mail.example", 4650)


def test_a_secret_comes_from_a_file_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("a-quiet-night-sky\n")
    monkeypatch.setenv("NEBULAI_EMAIL_URL_FILE", str(file))
    assert env.secret("NEBULAI_EMAIL_URL") == "a-quiet-night-sky"
    monkeypatch.delenv("NEBULAI_EMAIL_URL_FILE")
    assert env.secret("NEBULAI_EMAIL_URL") == ""
    monkeypatch.setenv("NEBULAI_EMAIL_URL", "smtp://here")
    assert env.secret("NEBULAI_EMAIL_URL") == "smtp://here"


@pytest.mark.parametrize("secret", ["SECRET_KEY", "DATABASE_URL", "CACHE_URL", "EMAIL_URL", "GOOGLE_SECRET"])
def test_a_secret_whose_file_cannot_be_read_lets_nothing_start(tmp_path: Path, secret: str) -> None:
    name = f"NEBULAI_{secret}"
    result = manage(tmp_path, "check", **PRODUCTION | {name: "", f"{name}_FILE": str(tmp_path / "nowhere")})
    assert result.returncode == 1
    assert f"{name}_FILE names" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b"", {}, "which is empty"),
        (b"\xff\xfe", {}, "it is no text"),
        (b"a-quiet-night-sky", {"NEBULAI_SECRET_KEY": "another"}, "are both set"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, more: dict[str, str], said: str
) -> None:
    (tmp_path / "secret").write_bytes(content)
    for name, value in {"NEBULAI_SECRET_KEY_FILE": str(tmp_path / "secret"), **more}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=said):
        env.secret("NEBULAI_SECRET_KEY")


def test_production_starts_with_its_key_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(PRODUCTION["NEBULAI_SECRET_KEY"])
    where = {"NEBULAI_SECRET_KEY": "", "NEBULAI_SECRET_KEY_FILE": str(tmp_path / "key")}
    assert manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION | where).returncode == 0


@pytest.mark.parametrize("contact", ["security@galaxies.example", "http://galaxies.example/security"])
def test_a_contact_that_is_no_address_is_named(tmp_path: Path, contact: str) -> None:
    result = manage(tmp_path, "check", NEBULAI_SECURITY_CONTACT=contact)
    assert result.returncode == 1
    assert "NEBULAI_SECURITY_CONTACT" in result.stderr
