"""Read environment variables. A value that cannot be used gives the default and a sentence in `problems`.

A system check reports these, so that one `manage.py check` names every mistake at once.
"""

import os
import secrets
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

problems: list[str] = []

DATABASE_URLS = "use postgres://user:password@host:port/name, or sqlite:////folder/file"

_FLAGS = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}


def text(name: str, default: str = "") -> str:
    """Return the variable without surrounding blanks, or the default if it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def secret(name: str) -> str:
    """Return the variable, or the content of the file that NAME_FILE names; "" if neither is set.

    Raises: ImproperlyConfigured if both are, or the file cannot be read or is empty: no other secret may stand in.
    """
    path = text(f"{name}_FILE")
    if not path:
        return text(name)
    if text(name):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    try:
        found = Path(path).expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read ({why}).") from error
    if not found:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which is empty; write the secret into it.")
    return found


def flag(name: str, default: bool) -> bool:
    """Return a variable that is on/off, 1/0, true/false or yes/no."""
    value = text(name)
    if value and value.lower() not in _FLAGS:
        problems.append(f"{name} is {value!r}: use on or off.")
    return _FLAGS.get(value.lower(), default)


def production() -> bool:
    """Whether NEBULAI_DEBUG is off; a misspelt value errs on the safe side."""
    return bool(text("NEBULAI_DEBUG")) and not flag("NEBULAI_DEBUG", False)


def natural(name: str, default: int) -> int:
    """Return a whole number, zero or more."""
    value = text(name)
    if value and not (value.isascii() and value.isdigit()):
        problems.append(f"{name} is {value!r}: use a whole number, zero or more.")
        return default
    return int(value) if value else default


def words(name: str, default: list[str]) -> list[str]:
    """Return a list separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def choice(name: str, choices: list[str]) -> str:
    """Return one of the choices, of which the first is the default."""
    value = text(name, choices[0]).lower()
    if value not in choices:
        problems.append(f"{name} is {value!r}: use {' or '.join(choices)}.")
        return choices[0]
    return value


def providers(names: list[str]) -> dict[str, Any]:
    """Return allauth's settings of the sites whose NEBULAI_<NAME>_CLIENT_ID and NEBULAI_<NAME>_SECRET are both set."""
    found = {}
    for name in names:
        keys = [f"NEBULAI_{name.upper()}_CLIENT_ID", f"NEBULAI_{name.upper()}_SECRET"]
        client_id, key = text(keys[0]), secret(keys[1])
        if client_id and key:
            found[name] = {"APPS": [{"client_id": client_id, "secret": key}], "OAUTH_PKCE_ENABLED": True}
        elif client_id or key:
            problems.append(f"{keys[0]} and {keys[1]} go together: set both or none.")
    return found


def origins(name: str) -> list[str]:
    """Return a list of origins, those left out that begin with neither https:// nor http://."""
    found = words(name, [])
    wrong = [each for each in found if not each.startswith(("https://", "http://"))]
    problems.extend(f"{name} has {each!r}: begin each origin with https:// or http://." for each in wrong)
    return [each for each in found if each not in wrong]


def database(name: str, default: str) -> dict[str, Any]:
    """Return Django's settings of the database that the variable, a secret, names by its URL.

    Raises: ImproperlyConfigured if that cannot be used: no other database may stand in.
    """
    url = secret(name) or default
    try:
        found = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {DATABASE_URLS}.") from error
    kind = found["ENGINE"].removeprefix("django.db.backends.")
    named = found["NAME"] or "service" in found.get("OPTIONS", {})
    if kind not in {"sqlite3", "postgresql"} or not named:
        raise ImproperlyConfigured(f"{name} names no database that can be used: {DATABASE_URLS}.")
    if kind == "postgresql" and not (find_spec("psycopg") or find_spec("psycopg2")):
        raise ImproperlyConfigured(missing(name, "psycopg[binary]"))
    return dict(found)


def missing(name: str, package: str) -> str:
    """Return the sentence that says what package a variable needs."""
    return f'{name} is set, but the package for it is missing: .venv/bin/pip install "{package}".'


def mail(url: str) -> tuple[str, int, str, str, bool, bool]:
    """Return host, port, user, password, whether TLS from the start and whether STARTTLS, of a mail server's URL.

    url: smtp://, smtp+tls:// or smtps://user:password@host:port, or "" for the defaults.
    """
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if url and not (parts.scheme in ports and parts.hostname):
        problems.append(
            "NEBULAI_EMAIL_URL cannot be read: use smtp://, smtp+tls:// or smtps://user:password@host:port."
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    port = port or ports.get(parts.scheme, 25)
    return parts.hostname or "localhost", port, user, password, parts.scheme == "smtps", parts.scheme == "smtp+tls"


def local_secret_key(path: Path) -> str:
    """Return the key kept in `path`, made on first use and readable by its owner alone.

    Several processes may start at once: each writes a file of its own, and the first one linked to `path` is the key
    of all.
    """
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()
