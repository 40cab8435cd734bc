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
    try:
        _answer(jobs)
    except BaseException as error:  # of the thread itself: whoever waits must hear of it
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)
        raise


def _answer(jobs: list[Job]) -> None:
    """Run jobs together; where that fails, in two halves.

    What one recipe did, or memory that a whole batch wanted, is no reason to fail the others.
    """
    if not jobs:
        return
    try:
        answers = _run(jobs)
    except Exception as error:
        if len(jobs) == 1 or isinstance(error, Busy):
            for job in jobs:
                job.future.set_exception(error)
            return
        half = len(jobs) // 2
    else:
        for job, result in zip(jobs, answers, strict=True):
            job.future.set_result(result)
        return
    _answer(jobs[:half])  # when the error, and what it held, is gone
    _answer(jobs[half:])


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
