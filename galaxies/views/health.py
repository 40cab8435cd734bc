"""Whether the process lives, and whether its model is loaded."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from galaxies.serving import service


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The model is loaded."""
    if version := service().version:
        return HttpResponse(f"{version}\n", content_type="text/plain")
    service().start()
    return HttpResponse("loading\n", content_type="text/plain", status=503)
