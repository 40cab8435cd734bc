"""What a page asks for: start a training run, resume one, cancel one.

row = queue(Options(synthetic=2000, preset="tiny"), person)     # waits for the worker; raises Refused
cancel(row)
resume(row, person, minutes=60)
"""

import shutil
from dataclasses import asdict, replace

from django.conf import settings as site
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from galaxies.models import TrainingRun
from galaxies.training import folders
from galaxies.training.life_cycle import Refused, State, one_at_a_time, recover
from galaxies.training.request import Options
from galaxies.training.worker import train_run


def queue(options: Options, person: User | None = None) -> TrainingRun:
    """Queue a new run for the worker. Raises: Refused if another run waits or is under way."""
    recover()
    run = folders.start(options)
    try:
        with one_at_a_time(), transaction.atomic():
            row = TrainingRun.objects.create(name=run.folder.name, options=asdict(options), started_by=person)
            train_run.enqueue(row.pk)
    except BaseException:
        shutil.rmtree(run.folder)
        raise
    return row


def resume(
    row: TrainingRun, person: User | None = None, *, minutes: float | None = None, images: int | None = None
) -> None:
    """Let the worker resume a run that has ended, with a new budget if one is given.

    If the run has written a bundle already, the next one gets the next free name: X, X-2, X-3.
    Raises: Refused; TrainingError if its folder is gone.
    """
    recover()
    if row.state == State.DONE and not (minutes or images):
        raise Refused(f"{row} is done: give it a larger budget to train it further.")
    run = folders.reopen(row.name)
    budget = replace(
        run.options,
        budget_minutes=minutes or run.options.budget_minutes,
        budget_images=images or run.options.budget_images,
    )
    name = None
    if not replace(run, options=budget).is_written and (site.MODELS_STORE / run.version).exists():
        name = folders.free_version(next(iter(run.bundles), run.version))
    with one_at_a_time(), transaction.atomic():
        ended = TrainingRun.objects.filter(pk=row.pk).exclude(state__in=TrainingRun.LIVE)
        if not ended.update(state=State.QUEUED, cancel_requested=False, started_by=person, message="", finished=None):
            raise Refused(f"{row} is under way already.")
        options = folders.reopen(row.name, budget_minutes=minutes, budget_images=images, model_version=name).options
        TrainingRun.objects.filter(pk=row.pk).update(options=asdict(options))
        train_run.enqueue(row.pk)


def cancel(row: TrainingRun) -> bool:
    """Cancel a run that waits, or ask one that is under way to stop. Returns: whether it was one of these."""
    recover()
    same = TrainingRun.objects.filter(pk=row.pk)
    sentence = "Cancelled before it began."
    return bool(
        same.filter(state=State.QUEUED).update(state=State.CANCELLED, finished=timezone.now(), message=sentence)
        or same.filter(state=State.RUNNING).update(cancel_requested=True)
    )
