"""Reading the environment. A value that cannot be used falls back to the default and is kept in `problems`,
which a system check reports: so one `manage.py check` names every mistake at once."""

import os
import secrets
from pathlib import Path

problems: list[str] = []

_FLAGS = {"1": True, "on": True, "true": True, "yes": True, "0": False, "off": False, "false": False, "no": False}


def text(name: str, default: str = "") -> str:
    """The variable without surrounding blanks, or the default where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool) -> bool:
    """on/off, 1/0, true/false or yes/no."""
    value = text(name)
    if value and value.lower() not in _FLAGS:
        problems.append(f"{name} is {value!r}: use on or off.")
    return _FLAGS.get(value.lower(), default)


def natural(name: str, default: int) -> int:
    """A whole number, zero or more."""
    value = text(name)
    if value and not (value.isascii() and value.isdigit()):
        problems.append(f"{name} is {value!r}: use a whole number, zero or more.")
        return default
    return int(value) if value else default


def words(name: str, default: list[str]) -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def local_secret_key(path: Path) -> str:
    """The key kept in `path`, made on first use and readable by its owner alone.

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
