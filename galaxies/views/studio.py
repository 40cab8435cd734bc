"""The studio: ask for a galaxy, a new one or one near another."""

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from galaxies import generation, preferences
from galaxies.forms import GenerateForm, PictureForm
from galaxies.models import DEFAULT_PSI, Galaxy, ModelVersion
from galaxies.opening import opening
from galaxies.serving import Busy
from galaxies.session import remember_made
from galaxies.views.http import HtmxHttpRequest, busy_is_503, galaxy_or_404, person_of
from nebulai.views import too_many_requests


@require_safe
def studio(request: HttpRequest) -> HttpResponse:
    """Show the studio, prefilled from the query: /?cluster=3&seed=42&psi=0.8, with &version=NAME for an older model."""
    version = generation.version_for(request.GET.get("version", ""))
    if version is None:
        messages.warning(
            request, _("This site does not have the model of that recipe: the same numbers give another galaxy.")
        )
        version = generation.current_version()
    can_pick = preferences.standing(version) is not None
    return _studio(request, version, GenerateForm(version, {"psi": DEFAULT_PSI, **request.GET.dict()}, can_pick))


@require_POST
def open_picture(request: HttpRequest) -> HttpResponse:
    """Fill the studio in with the recipe that a PNG or FITS file brings."""
    form = PictureForm(request.POST, request.FILES)
    if not form.is_valid():
        version = generation.current_version()
        return _studio(request, version, GenerateForm(version, {"psi": DEFAULT_PSI}), 422, picture=form)
    recipe = form.cleaned_data["picture"]
    if not recipe.is_whole:
        messages.info(request, _("That galaxy is a variation: these are the numbers that it began with."))
    return redirect(f"{reverse('galaxies:studio')}?{urlencode(recipe.as_query())}")


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def generate(request: HtmxHttpRequest) -> HttpResponse:
    """Generate a galaxy; show its card to htmx and redirect others to its page."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    version = generation.version_for(request.POST.get("version", "")) or generation.current_version()
    if version is None:
        raise Busy(_("No model has been trained yet; come back when the site has one."), retry_after=60)
    taste = preferences.standing(version)
    form = GenerateForm(version, request.POST, can_pick=taste is not None)
    if not form.is_valid():
        return _studio(request, version, form, status=422)
    cluster, seed, psi = (form.cleaned_data[name] for name in ("cluster", "seed", "psi"))
    person = person_of(request)
    if taste and form.picks:
        picked = preferences.pick(version, taste, cluster=cluster, psi=psi, creator=person)
        return _show(request, picked, picked_of=preferences.PICK_FROM)
    return _show(request, generation.generate(version, cluster=cluster, seed=seed, psi=psi, creator=person))


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def vary(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Generate a galaxy near this one."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    return _show(request, generation.vary(galaxy_or_404(public_id), creator=person_of(request)))


def _show(request: HtmxHttpRequest, new: Galaxy, picked_of: int = 0) -> HttpResponse:
    if new.creator_id is None:
        remember_made(request.session, new)
    if request.htmx:
        return render(request, "studio.html#generated", {"galaxy": new, "in_studio": True, "picked_of": picked_of})
    if picked_of:
        messages.info(request, _("The crowd's pick out of %(number)s.") % {"number": picked_of})
    return redirect(new)


def _studio(
    request: HttpRequest,
    version: ModelVersion | None,
    form: GenerateForm,
    status: int = 200,
    *,
    picture: PictureForm | None = None,
) -> HttpResponse:
    current = generation.current_version()
    context = {
        "version": version,
        "form": form,
        "picture": picture,
        "is_older": version != current,
        "current": current,
        "opening": opening(version) if version else None,
    }
    return render(request, "studio.html", context, status=status)
