"""What /metrics tells of the generator, of trainings, tasks and disks. nebulai.metrics has the page, and the requests.

The generator's numbers are counted as it works, in every process; the others are looked up when somebody asks.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from galaxies.models import TrainingRun
from nebulai.metrics import REGISTRY

GALAXIES, FEATURES = "galaxies", "features"
FULL, SLOW, LOADING = "full", "slow", "loading"

WAITING = Gauge(
    "nebulai_queue_length",
    "Galaxies and features that wait for the generator.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
LOADED = Gauge(
    "nebulai_generators_loaded",
    "Processes whose model is loaded.",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
BATCH = Histogram(
    "nebulai_batch_size", "How many were made at once.", ["of"], buckets=[1, 2, 4, 8, 16, 32], registry=REGISTRY
)
SECONDS_EACH = Histogram(
    "nebulai_seconds_each",
    "Seconds of the generator for each galaxy, or each picture's features.",
    ["of"],
    buckets=[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registry=REGISTRY,
)
REFUSED = Counter("nebulai_refusals", "Requests that the generator could not take.", ["why"], registry=REGISTRY)
for each in (FULL, SLOW, LOADING):
    REFUSED.labels(each)  # at 0, so that the first one is seen as a step


def made(of: str, count: int, seconds: float) -> None:
    """Note a batch of the generator: of what, how many, and how long it took."""
    BATCH.labels(of).observe(count)
    for _ in range(count):
        SECONDS_EACH.labels(of).observe(seconds / count)


def looked_up() -> Iterator[Metric]:
    """Yield what is looked up when somebody asks; what the database does not tell is left out."""
    yield from disks()
    up = GaugeMetricFamily("nebulai_database_up", "Whether the database answers.")
    try:
        found = [*tasks(), *trainings()]
    except DatabaseError:
        found = []
    up.add_metric([], float(bool(found)))
    yield from [up, *found]


def disks() -> Iterator[Metric]:
    """Yield how much room there is, and how much of it is left."""
    free = GaugeMetricFamily("nebulai_disk_free_bytes", "Room that is left.", labels=["place"])
    size = GaugeMetricFamily("nebulai_disk_size_bytes", "Room that there is.", labels=["place"])
    for place, folder in (("data", settings.DATA_DIR), ("models", settings.MODELS_STORE)):
        if Path(folder).is_dir():
            usage = shutil.disk_usage(folder)
            free.add_metric([place], usage.free)
            size.add_metric([place], usage.total)
    yield from (free, size)


def tasks() -> Iterator[Metric]:
    """Yield how many tasks wait for a worker, and since when. Raises: DatabaseError."""
    found = DBTaskResult.objects.ready().order_by().aggregate(count=Count("pk"), since=Min("enqueued_at"))
    age = (timezone.now() - found["since"]).total_seconds() if found["since"] else 0.0
    yield GaugeMetricFamily("nebulai_tasks_waiting", "Tasks that wait for manage.py db_worker.", value=found["count"])
    yield GaugeMetricFamily("nebulai_tasks_oldest_seconds", "Since when the oldest of them waits.", value=age)


def trainings() -> Iterator[Metric]:
    """Yield how far the training under way is; families without a value if there is none. Raises: DatabaseError."""
    share = GaugeMetricFamily("nebulai_training_share", "How much of the phase is done.", labels=["run", "phase"])
    speed = GaugeMetricFamily("nebulai_training_images_per_second", "Images that it sees.", labels=["run", "phase"])
    left = GaugeMetricFamily("nebulai_training_left_seconds", "Until the phase ends.", labels=["run", "phase"])
    for run in TrainingRun.objects.filter(state=TrainingRun.State.RUNNING):
        share.add_metric([run.name, run.phase], run.share)
        speed.add_metric([run.name, run.phase], run.images_per_second)
        left.add_metric([run.name, run.phase], run.eta_seconds)
    yield from (share, speed, left)
