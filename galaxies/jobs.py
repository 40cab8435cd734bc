"""What the model thread has to do, and how a batch of it is done.

job = Job(bundle, recipe)       # or Job(bundle, image)
answer([job])
job.future.result()             # the image of the recipe, or the features of the image
"""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from galaxies.ml.bundle import Bundle
from galaxies.recipe import Recipe

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Image = np.ndarray[Any, np.dtype[np.uint8]]


class Busy(Exception):
    """The generator cannot answer now. `retry_after` is in seconds; the text is for people."""

    def __init__(self, message: "str | StrPromise", retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass
class Job:
    """A recipe to sample, or an image to encode, and the future of the answer."""

    bundle: Bundle
    ask: Recipe | Image
    future: "Future[Any]" = field(default_factory=Future)


def answer(batch: list[Job]) -> None:
    """Run jobs of one bundle and of one kind, and set their futures. Whoever waits no more costs nothing."""
    jobs = [job for job in batch if job.future.set_running_or_notify_cancel()]
    if not jobs:
        return
    try:
        answers = _run(jobs)
    except BaseException as error:  # belongs to the requests that wait; the thread must live on if it can
        if len(jobs) == 1 or isinstance(error, Busy) or not isinstance(error, Exception):
            for job in jobs:
                job.future.set_exception(error)
        else:
            _answer_one_by_one(jobs)
        if not isinstance(error, Exception):
            raise
    else:
        for job, result in zip(jobs, answers, strict=True):
            job.future.set_result(result)


def _answer_one_by_one(jobs: list[Job]) -> None:
    """Run each job alone: what one recipe did, or memory that a whole batch wanted, is no reason to fail the others."""
    for job in jobs:
        try:
            job.future.set_result(_run([job])[0])
        except Exception as error:
            job.future.set_exception(error)


def _run(jobs: list[Job]) -> Any:
    """Return what the networks answer to jobs of one bundle and of one kind."""
    bundle = jobs[0].bundle
    recipes = [job.ask for job in jobs if isinstance(job.ask, Recipe)]
    images = [job.ask for job in jobs if not isinstance(job.ask, Recipe)]
    return _sample(bundle, recipes) if recipes else bundle.features(np.stack(images))


def _sample(bundle: Bundle, recipes: list[Recipe]) -> Image:
    return bundle.sample(
        [recipe.cluster for recipe in recipes],
        [recipe.seed for recipe in recipes],
        [recipe.psi for recipe in recipes],
        paths=[recipe.steps for recipe in recipes],
        shares=[recipe.families for recipe in recipes],
        steer=[recipe.steer for recipe in recipes],
    )
