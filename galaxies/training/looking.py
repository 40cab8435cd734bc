"""A look at images for a page: the worker takes it, in a process of its own, since it may need minutes.

asked = ask(Options(images="galaxies/", preset="small"))
answer(asked)                           # None while it waits or reads
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings as site
from django_tasks import TaskResultStatus, task
from django_tasks.exceptions import TaskResultDoesNotExist

from galaxies.training.request import Options, options_from

FAILED = "The images could not be looked at: the log of the worker says why."
TAIL = 2000


@dataclass(frozen=True)
class Answer:
    """A look that a page asked for. found: galaxies.training.preview.as_dict, or None while there is nothing yet."""

    id: str
    options: Options
    found: dict[str, Any] | None


@task()
def look(options: dict[str, Any]) -> dict[str, Any]:
    """Run `manage.py train --check` for these options. Returns: galaxies.training.preview.as_dict."""
    command = [sys.executable, str(Path(site.BASE_DIR) / "manage.py"), "train", "--check", "--asked", "-"]
    child = subprocess.run(command, input=json.dumps(options), capture_output=True, text=True)  # noqa: S603
    lines = child.stdout.strip().splitlines()
    if child.returncode or not lines:
        raise RuntimeError(child.stderr[-TAIL:])
    return dict(json.loads(lines[-1]))


def ask(options: Options) -> str:
    """Queue a look. Returns: its id."""
    return str(look.enqueue(asdict(options)).id)


def answer(id: UUID) -> Answer | None:
    """Return what was found so far; None if nobody asked, or too long ago."""
    try:
        result = look.get_result(str(id))
    except TaskResultDoesNotExist:
        return None
    found = None
    if result.status == TaskResultStatus.SUCCESSFUL:
        found = result.return_value
    elif result.status == TaskResultStatus.FAILED:
        found = {"facts": [], "skipped": [], "error": FAILED}
    return Answer(str(id), options_from(result.args[0]), found)
