"""How it works: the page for everybody who wants to know, and the pictures on it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from galaxies import about, facts, model_page
from galaxies.family_words import in_words
from galaxies.generation import current_version
from galaxies.ml.bundle import BundleError
from galaxies.models import ModelVersion
from galaxies.serving import service
from galaxies.views.http import YEAR, busy_is_503

FIGURES = ["kid", "precision", "recall", "memorisation"]


@require_safe
def how_it_works(request: HttpRequest) -> HttpResponse:
    """Explain the site in pictures, with the model that it uses now."""
    version = current_version()
    context: dict[str, Any] = {
        "version": version,
        "steps": range(len(about.STEPS)),
        "seed": about.SEED,
        "bars": about.latent_bars(),
    }
    if version:
        try:
            drawn = about.feature_map(version)
        except BundleError:
            drawn = None
        numbers = model_page.figures(facts.read_metrics(version.path) or {}, FIGURES)
        places = [(place, in_words(version.family(place.id))) for place in drawn.places] if drawn else []
        awake = service().version is not None  # while it warms up there would be holes instead of pictures
        context |= {
            "map": drawn,
            "places": places,
            "numbers": numbers,
            "paper": about,
            "awake": awake,
        }
    return render(request, "about.html", context)


@require_safe
@busy_is_503
def latent_step(request: HttpRequest, version: str, step: int) -> HttpResponse:
    """Send one of the images between a family's mean and a galaxy of its own."""
    found = get_object_or_404(ModelVersion, version=version)
    if step >= len(about.STEPS):
        raise Http404
    response = HttpResponse(about.latent_step(found, step), content_type="image/webp")
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response
