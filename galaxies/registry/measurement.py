"""Measure a version in the background: the worker starts `manage.py evaluate` as a process of its own.

TensorFlow would otherwise stay in the worker's memory for as long as that lives.
"""

import logging
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from galaxies.models import ModelVersion
from galaxies.registry.versions import VersionError
from galaxies.sentences import in_words

logger = logging.getLogger(__name__)

NEWEST = 200  # results that are looked through
LONGEST = timedelta(hours=3)  # a worker that is said to measure for longer was killed


class MeasuringFailed(Exception):
    """A version could not be measured; the message is the error of `manage.py evaluate`."""


@dataclass(frozen=True)
class Measuring:
    """The last order to measure a version: `busy` while it waits or runs, `failure` if it failed; else both are ""."""

    busy: str = ""
    failure: str = ""


def order(version: ModelVersion) -> None:
    """Let the worker measure a version. Raises: VersionError if it waits for that or is being measured already."""
    if orders().get(version.version, Measuring()).busy:
        raise VersionError(_("%(version)s waits to be measured or is being measured already.") % {"version": version})
    evaluate_version.enqueue(version.version)


def orders() -> dict[str, Measuring]:
    """Return the state of the last order of each version, by its name."""
    found: dict[str, Measuring] = {}
    for result in DBTaskResult.objects.filter(task_path=evaluate_version.module_path).order_by("-enqueued_at")[:NEWEST]:
        found.setdefault(result.args_kwargs["args"][0], _measuring(result))
    return found


def _measuring(result: "DBTaskResult[..., str]") -> Measuring:
    if result.status == TaskResultStatus.READY:
        return Measuring(busy=_("waits to be measured by the worker"))
    if result.status == TaskResultStatus.RUNNING:
        if result.started_at and timezone.now() - result.started_at > LONGEST:
            return Measuring(failure=_("The worker was ended while it measured: order it again."))
        return Measuring(busy=_("is being measured"))
    if result.status == TaskResultStatus.FAILED:
        return Measuring(
            failure=in_words(result.traceback.strip().rpartition("\n")[2].rpartition("MeasuringFailed: ")[2])
        )
    return Measuring()


@task()
def evaluate_version(version: str) -> str:
    """Measure a version in a process of low priority. The worker calls this.

    Returns: the table that `manage.py evaluate` prints.
    Raises: MeasuringFailed with the error of that command.
    """
    nice = [shutil.which("nice") or "nice", "-n", "10"]
    command = [*nice, sys.executable, str(settings.BASE_DIR / "manage.py"), "evaluate", version]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        sentence = lines[-1].removeprefix("CommandError: ") if lines else ""
        if done.returncode < 0:
            reason = "lack of memory, perhaps" if done.returncode == -signal.SIGKILL else f"signal {-done.returncode}"
            sentence = f"It was ended ({reason}): order it again."
        logger.error("Model version %s was not measured: %s", version, sentence)
        raise MeasuringFailed(sentence)
    return done.stdout
