"""Pages about the model, and about what is true of one image."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from galaxies import facts, model_page, services
from galaxies.ml.bundle import BundleError
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Busy
from galaxies.views import YEAR, HtmxHttpRequest, busy_is_503
from nebulai.views import problem


@require_safe
def model(request: HttpRequest) -> HttpResponse:
    """The active model's card."""
    version = services.current_version()
    try:
        page = model_page.read(version) if version else None
    except BundleError:
        text = "The files of this model cannot be read at the moment."
        return problem(request, 503, "The model is not at hand", text, 60)
    return render(request, "model.html", {"version": version, "page": page})


@require_safe
def sample_sheet(request: HttpRequest, version: str) -> FileResponse:
    """A row of samples for each family of a version."""
    path = get_object_or_404(ModelVersion, version=version).path / "sample_sheet.webp"
    try:
        response = FileResponse(path.open("rb"), content_type="image/webp")
    except FileNotFoundError:
        raise Http404 from None
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


@require_safe
@vary_on_headers("HX-Request")
@busy_is_503
def galaxy_facts(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """What is true of one galaxy: part of its card for htmx, which asks again where it comes too early; else a page."""
    galaxy = get_object_or_404(Galaxy.objects.select_related("model_version"), public_id=public_id)
    try:
        comparison = facts.compare(galaxy)
    except Busy as busy:
        if not request.htmx:
            raise
        return render(request, "facts.html#ask", {"galaxy": galaxy, "seconds": busy.retry_after})
    template = "facts.html#comparison" if request.htmx else "facts.html"
    return render(request, template, {"galaxy": galaxy, "comparison": comparison})
