"""From galaxy to galaxy: around one, from one to another, through all families, and the walk as an animation."""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reselect, reswap, retarget

from galaxies import generation, images
from galaxies.forms import BlendForm, VaryForm
from galaxies.models import Galaxy
from galaxies.serving import service
from galaxies.views.http import HtmxHttpRequest, at_its_address, busy_is_503, galaxy_or_404, person_of
from galaxies.views.studio import instead, show
from galaxies.walks import WalkError, between, through_families
from nebulai.views import problem, too_many_requests

WALK_FRAMES = 24


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def vary(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Generate a galaxy near this one, or several around it."""
    original, form = galaxy_or_404(public_id), VaryForm(request.POST)
    if not form.is_valid():
        text = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return problem(request, 400, _("Not so near, or so far"), text)
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    try:
        generation.make_ready(original.model_version)
        near = generation.neighbours(original, person_of(request), **form.cleaned_data)
    except generation.Retired as retired:
        return instead(request, retired, original.address)
    except WalkError as error:
        return problem(request, 409, _("No further"), str(error))
    return show(request, near if len(near) == 1 else [original, *near], "near")


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def families(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Generate the latent of this galaxy in each family."""
    original = galaxy_or_404(public_id)
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    try:
        generation.make_ready(original.model_version)
    except generation.Retired as retired:
        return instead(request, retired, original.address)
    version = original.model_version
    return show(
        request, generation.make(version, through_families(original.recipe, version), person_of(request)), "families"
    )


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
@busy_is_503
def blend(request: HtmxHttpRequest) -> HttpResponse:
    """Generate what lies between two galaxies or seeds; a page asks for the two.

    Two galaxies that are selected among others come as `id`.
    """
    given = request.POST if request.method == "POST" else request.GET
    data = given.dict()
    if chosen := given.getlist("id"):
        data |= dict(zip("ab", chosen, strict=False)) if len(chosen) == 2 else {"a": "", "b": ""}
    form = BlendForm(generation.current_version(), data if request.method == "POST" else None, initial=data)
    if not form.is_valid():
        if len(chosen) not in (0, 2):
            form.errors.clear()
            form.add_error(None, _("Select two galaxies to blend, and no more."))
        response = render(request, "blend.html", {"form": form}, status=422 if form.is_bound else 200)
        return reswap(reselect(retarget(response, "#blend"), "#blend"), "outerHTML") if request.htmx else response
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    version, recipes = form.cleaned_data["version"], form.cleaned_data["recipes"]
    try:
        generation.make_ready(version)
    except generation.Retired as retired:
        return instead(request, retired, recipes[0].as_query())
    return show(request, generation.make(version, recipes, person_of(request)), "blend")


@require_safe
@busy_is_503
@at_its_address
def walk(request: HttpRequest, start: Galaxy, kind: str) -> HttpResponse:
    """Send the walk to another galaxy and back as an animated "webp" or "gif"."""
    try:
        end = Galaxy.objects.select_related("model_version").named(request.GET.get("to", ""))
        recipes = between(start.recipe, end.recipe, WALK_FRAMES)
    except Galaxy.DoesNotExist:
        text = _("Say with ?to= and a galaxy's id where the walk leads.")
        return problem(request, 404, _("A walk to nowhere"), text)
    except WalkError as error:
        return problem(request, 409, _("No such walk"), str(error))
    if not ratelimit.consume(request, action="walk"):
        return too_many_requests(request)
    response = HttpResponse(images.animation(list(service().sample_many(recipes)), kind), content_type=f"image/{kind}")
    response["Content-Disposition"] = f'inline; filename="nebulai-{start}-{end}.{kind}"'
    patch_cache_control(response, public=True, max_age=24 * 3600)
    return response
