"""Measure galaxies in the background, as soon as they are made: the worker reads their pictures and writes the rows.

order()                         # after a galaxy was stored; one order does for all that wait
measure_some(limit=200)         # what the worker does; returns how many it measured
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult
from PIL import Image, UnidentifiedImageError

from galaxies.models import SEARCHED_MEASURES, Galaxy, Measurement

logger = logging.getLogger(__name__)

AT_ONCE = 100  # galaxies of one task, about half a minute: then others get their turn
NOTHING = 4  # statmorph's flag where there is nothing to measure


def order() -> None:
    """Let the worker measure what is not measured yet, unless that waits to be done already."""
    waiting = DBTaskResult.objects.filter(task_path=measure_new.module_path, status=TaskResultStatus.READY)
    if not waiting.exists():
        measure_new.enqueue()


@task()
def measure_new() -> str:
    """Measure galaxies that are not measured yet, and order again if there are more. The worker calls this."""
    done = measure_some(AT_ONCE)
    if done == AT_ONCE:
        order()
    return f"{done} measured"


def unmeasured() -> QuerySet[Galaxy]:
    """Return the galaxies without a measurement, the newest first: somebody may be looking at them."""
    return Galaxy.objects.filter(measurement=None).order_by("-pk")


def measure_some(limit: int) -> int:
    """Measure up to `limit` galaxies. Returns: how many."""
    from galaxies.ml.measurements import measure_galaxies  # takes a second, which only the worker needs

    found = list(unmeasured()[:limit])
    for galaxy in found:
        image = _picture(galaxy)
        row = {"flag": NOTHING, "sersic_flag": NOTHING} if image is None else measure_galaxies([image])[0].row()
        try:
            keep(galaxy, row)
        except IntegrityError:  # deleted meanwhile, or measured by another worker
            logger.info("Galaxy %s needs no measurement any more.", galaxy)
    return len(found)


def keep(galaxy: Galaxy, row: Mapping[str, Any]) -> None:
    """Store what was measured of a galaxy, and with the galaxy what the gallery is searched by.

    Raises: IntegrityError if the galaxy is gone or has a measurement.
    """
    with transaction.atomic():
        Measurement.objects.create(galaxy=galaxy, **row)
        found = Measurement.objects.get(pk=galaxy.pk)  # with its colour, which the database makes
        searched = {name: getattr(found, name) for name in SEARCHED_MEASURES}
        Galaxy.objects.filter(pk=galaxy.pk).update(**searched)


def _picture(galaxy: Galaxy) -> "np.ndarray | None":
    """Return the stored picture (H, W, 3) uint8; None if it is lost, as a page can bring it back only by TensorFlow."""
    try:
        with galaxy.image.storage.open(str(galaxy.image.name)) as file, Image.open(file) as picture:
            return np.asarray(picture.convert("RGB"))
    except (FileNotFoundError, UnidentifiedImageError):
        return None
