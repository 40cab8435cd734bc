"""The model's page and the images on it."""

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from galaxies import exemplars, generation, model_page
from galaxies.ml.bundle import BundleError
from galaxies.models import ModelVersion
from galaxies.quiz.rounds import taken_for_real
from galaxies.views.http import YEAR
from nebulai.views import problem


@require_safe
def model(request: HttpRequest) -> HttpResponse:
    """Show what the current model is and how good it is."""
    version = generation.current_version()
    try:
        page = model_page.read(version) if version else None
    except BundleError:
        text = _("The files of this model cannot be read at the moment.")
        return problem(request, 503, _("The model is not at hand"), text, retry_after=60)
    by_eye = taken_for_real(version) if version else None
    return render(request, "model.html", {"version": version, "page": page, "by_eye": by_eye})


@require_safe
def sample_sheet(request: HttpRequest, version: str) -> FileResponse:
    """Send the sample sheet of a version: a row for each family."""
    path = get_object_or_404(ModelVersion, version=version).path / "sample_sheet.webp"
    try:
        response = FileResponse(path.open("rb"), content_type="image/webp")
    except FileNotFoundError:
        raise Http404 from None
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


@require_safe
def exemplar(request: HttpRequest, version: str, cluster: int, number: int) -> FileResponse:
    """Send one of a family's exemplars: only files that the registered manifest names."""
    model_version = get_object_or_404(ModelVersion, version=version)
    try:
        path = exemplars.exemplar_path(model_version, cluster, number)
        response = FileResponse(path.open("rb"), content_type="image/webp")
    except (KeyError, IndexError, FileNotFoundError):
        raise Http404 from None
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


@require_safe
def thumbnail(request: HttpRequest, version: str, cluster: int, number: int, *, side: int) -> HttpResponse:
    """Send an exemplar in 128 or 192 px, for where families stand side by side."""
    if side not in exemplars.SIDES:
        raise Http404
    model_version = get_object_or_404(ModelVersion, version=version)
    try:
        content = exemplars.thumbnail(model_version, cluster, number, side)
    except (KeyError, IndexError, OSError):
        raise Http404 from None
    response = HttpResponse(content, content_type="image/webp")
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response
