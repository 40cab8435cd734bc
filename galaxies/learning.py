"""Learn preferences in the background: the worker starts `manage.py learn_preferences` as a process of its own.

TensorFlow would otherwise stay in the worker's memory for as long as that lives.
"""

import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from galaxies.sentences import in_words

logger = logging.getLogger(__name__)

LONGEST = timedelta(hours=1)  # then the process is ended; a worker that is said to learn for longer was killed


@dataclass(frozen=True)
class Learning:
    """The state of the last order: `busy` while it waits or runs, else `sentence` says how it ended."""

    busy: str = ""
    sentence: str = ""
    learned: bool = False
    ended: datetime | None = None


def order() -> bool:
    """Let the worker learn. Returns: False if it waits for that or is learning already."""
    if state().busy:
        return False
    learn_preferences.enqueue()
    return True


def state() -> Learning:
    """Return the state of the last order."""
    result = DBTaskResult.objects.filter(task_path=learn_preferences.module_path).order_by("-enqueued_at").first()
    if result is None:
        return Learning()
    if result.status == TaskResultStatus.READY:
        return Learning(busy=_("It waits for the worker, manage.py db_worker, which does one thing at a time."))
    if result.status == TaskResultStatus.RUNNING:
        if result.started_at and timezone.now() - result.started_at > LONGEST + timedelta(minutes=1):
            return Learning(sentence=_("The worker was ended while it learned: ask again."), ended=result.started_at)
        return Learning(busy=_("The galaxies with votes are being encoded."))
    if result.status == TaskResultStatus.FAILED:
        return Learning(
            sentence=_("It could not be done: the worker's log says why. Ask again when that is mended."),
            ended=result.finished_at,
        )
    said = result.return_value
    return Learning(sentence=in_words(str(said["sentence"])), learned=said["learned"], ended=result.finished_at)


@task()
def learn_preferences() -> dict[str, str | bool]:
    """Learn what people like. The worker calls this."""
    return run()


def run() -> dict[str, str | bool]:
    """Learn in a process of low priority.

    Returns: `learned` and `sentence`, in which manage.py learn_preferences says how it went.
    """
    nice = [shutil.which("nice") or "nice", "-n", "10"]
    command = [*nice, sys.executable, str(settings.BASE_DIR / "manage.py"), "learn_preferences"]
    try:
        done = subprocess.run(  # noqa: S603  (no word of it comes from a page)
            command,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST.total_seconds(),
        )
    except subprocess.TimeoutExpired:
        return {"learned": False, "sentence": "It took more than an hour and was ended: ask again at a quieter time."}
    if done.returncode == 0:
        return {"learned": True, "sentence": done.stdout.strip().rpartition("\n")[2]}
    refusal = done.stderr.strip().rpartition("\n")[2]
    if not refusal.startswith("CommandError: "):
        logger.error("Preferences were not learned:\n%s", done.stderr[-4000:])
        refusal = "It was ended: the worker's log says why. Ask again when that is mended."
    return {"learned": False, "sentence": refusal.removeprefix("CommandError: ")}
