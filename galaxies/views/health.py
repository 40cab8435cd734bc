"""Health checks: the process lives, its model is loaded."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from galaxies.serving import service


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process lives."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 with the version once the model is loaded, 503 before, and once after the generator has died."""
    if not service().lives:
        return _not_yet("restarting")
    if version := service().version:
        return HttpResponse(f"{version}\n", content_type="text/plain")
    return _not_yet("loading")


def _not_yet(why: str) -> HttpResponse:
    service().start()
    response = HttpResponse(f"{why}\n", content_type="text/plain", status=503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # it is asked for all the time, and no error
    return response
