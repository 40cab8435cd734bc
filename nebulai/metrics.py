"""GET /metrics: what Prometheus reads, all of gunicorn's worker processes together. It wants NEBULAI_METRICS_KEY.

REGISTRY                    # where the metrics of this process are, and collectors of what is counted when asked
metrics.answered("galaxies:studio", "GET", 200, 0.03)

What other modules count is defined there: galaxies.metrics has the generator, the training and the disk.
"""

import os
from collections.abc import Callable, Iterable

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where gunicorn's processes put their numbers together; gunicorn.conf.py makes it
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

REGISTRY = CollectorRegistry()
REQUESTS = Counter("nebulai_requests", "Requests that were answered.", ["view", "method", "status"], registry=REGISTRY)
SECONDS = Histogram("nebulai_request_seconds", "Until the answer began.", ["view"], buckets=BUCKETS, registry=REGISTRY)

asked: list[Collector] = []  # what is counted when somebody asks


def answered(view: str, method: str, status: int, seconds: float) -> None:
    """Count a request. view: its name among the URLs, "" if there is none."""
    view = view or "none"
    REQUESTS.labels(view, method if method in METHODS else "other", status).inc()
    SECONDS.labels(view).observe(seconds)


class Asked(Collector):
    """A collector that calls a function each time; the metrics are of now and of no process."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterable[Metric]:
        return self._collect()


def page() -> bytes:
    """Return all metrics as text, of all processes where there are several."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(Asked(REGISTRY.collect))
    for collector in asked:
        registry.register(collector)
    return generate_latest(registry)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with the metrics to whoever has the key: 404 where the site has none, 403 without it."""
    if not settings.METRICS_KEY:
        raise Http404
    if not constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_KEY}"):
        raise PermissionDenied
    return HttpResponse(page(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})
