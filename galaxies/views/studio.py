"""The studio: ask for a galaxy, a new one or one near another."""

from collections.abc import Mapping

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from galaxies import generation, preferences
from galaxies.family_words import in_words
from galaxies.forms import GenerateForm, PictureForm
from galaxies.models import Galaxy, ModelVersion
from galaxies.opening import opening
from galaxies.recipe import DEFAULT_PSI, Recipe
from galaxies.registry.family_matching import nearest_family
from galaxies.serving import Busy
from galaxies.session import remember_made
from galaxies.views.http import HtmxHttpRequest, busy_is_503, galaxy_or_404, person_of
from galaxies.views.upload import taken
from galaxies.votes import mark_votes
from nebulai.views import problem, too_many_requests


@require_safe
@vary_on_headers("HX-Request")
def studio(request: HtmxHttpRequest) -> HttpResponse:
    """Show the studio with a recipe, /?version=NAME&cluster=3&seed=42&psi=0.8, and its galaxy if there is one.

    To htmx, the galaxy alone.
    """
    asked = request.GET.dict()
    shown = Galaxy.objects.at_address(asked)
    try:
        version = generation.version_for(asked.get("version", ""))
    except generation.Retired as retired:
        return _instead(request, retired, asked, status=200, galaxy=shown)
    can_pick = preferences.standing(version) is not None
    form = GenerateForm(version, {"psi": DEFAULT_PSI, **asked}, can_pick)
    return _studio(request, version, form, 200 if form.is_valid() or not version else 422, galaxy=shown)


@require_POST
@busy_is_503
def open_picture(request: HtmxHttpRequest) -> HttpResponse:
    """Fill the studio in with the recipe that a picture from here brings; show what one from elsewhere is like."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    form = PictureForm(request.POST, request.FILES)
    if way_on := taken(request, form):
        return way_on
    version = generation.current_version()
    return _studio(request, version, GenerateForm(version, {"psi": DEFAULT_PSI}), 422, picture=form)


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def generate(request: HtmxHttpRequest) -> HttpResponse:
    """Generate a galaxy; show its card to htmx and redirect others to its page."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    try:
        version = generation.version_for(request.POST.get("version", ""))
        if version is None:
            raise Busy(_("No model has been trained yet; come back when the site has one."), retry_after=60)
        taste = preferences.standing(version)
        form = GenerateForm(version, request.POST, can_pick=taste is not None)
        if not form.is_valid():
            return _studio(request, version, form, status=422)
        generation.make_ready(version)
    except generation.Retired as retired:
        return _instead(request, retired, request.POST.dict())
    cluster, seed, psi = (form.cleaned_data[name] for name in ("cluster", "seed", "psi"))
    person = person_of(request)
    if taste and form.picks:
        picked = preferences.pick(version, taste, cluster=cluster, psi=psi, creator=person)
        return _show(request, picked, picked_of=preferences.PICK_FROM)
    parts = {name: form.cleaned_data[name] for name in ("path", "shares", "steer")}
    cluster = generation.draw_cluster(version) if cluster is None else cluster
    recipe = Recipe(version.version, cluster, generation.new_seed() if seed is None else seed, psi, **parts)
    return _show(request, generation.make(version, [recipe], person)[0])


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def vary(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Generate a galaxy near this one."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    original = galaxy_or_404(public_id)
    try:
        generation.make_ready(original.model_version)
        near = generation.vary(original, creator=person_of(request))
    except generation.Retired as retired:
        return _instead(request, retired, original.address)
    except generation.TooLong as error:
        return problem(request, 422, _("No further"), str(error))
    return _show(request, near)


def _show(request: HtmxHttpRequest, new: Galaxy, picked_of: int = 0) -> HttpResponse:
    if person_of(request) is None:
        remember_made(request.session, new)
    if request.htmx:
        context = {
            "galaxy": new,
            "in_studio": True,
            "picked_of": picked_of,
            "current": generation.current_version(),
            "here": new.get_absolute_url(),
        }
        return push_url(render(request, "studio.html#generated", context), new.studio_url)
    if picked_of:
        messages.info(request, _("The crowd's pick out of %(number)s.") % {"number": picked_of})
    return redirect(new)


def _instead(
    request: HtmxHttpRequest,
    retired: generation.Retired,
    asked: Mapping[str, str],
    *,
    status: int = 422,
    galaxy: Galaxy | None = None,
) -> HttpResponse:
    """Show the studio of the current model with the family nearest to the one that was asked for, and say why."""
    version, cluster = generation.current_version(), asked.get("cluster", "")
    family, offer = None, ""
    if version:
        if retired.version and cluster.isascii() and cluster.isdigit():
            family = nearest_family(retired.version, int(cluster), version)
        names = {"version": version, "family": family and in_words(family)["name"]}
        offer = (
            _("The nearest family of model %(version)s is chosen: %(family)s.") % names
            if family
            else _("Choose a family of model %(version)s.") % names
        )
    form = GenerateForm(
        version,
        {"psi": DEFAULT_PSI, **asked, "cluster": family["id"] if family else ""},
        can_pick=preferences.standing(version) is not None,
    )
    return _studio(request, version, form, status, galaxy=galaxy, notice=f"{retired} {offer}".strip())


def _studio(
    request: HtmxHttpRequest,
    version: ModelVersion | None,
    form: GenerateForm,
    status: int = 200,
    *,
    picture: PictureForm | None = None,
    galaxy: Galaxy | None = None,
    notice: str = "",
) -> HttpResponse:
    """Render the studio. galaxy: what is on its stage; notice: why the model is not the one that was asked for."""
    current = generation.current_version()
    if galaxy:
        mark_votes([galaxy], person_of(request))
    context = {
        "version": version,
        "form": form,
        "picture": picture,
        "is_older": version != current,
        "current": current,
        "opening": opening(version) if version and not galaxy else None,
        "galaxy": galaxy,
        "in_studio": True,
        "here": galaxy.get_absolute_url() if galaxy else "",
        "notice": notice,
    }
    is_part = request.htmx and request.method == "GET" and not request.htmx.history_restore_request
    return render(request, "studio.html#stage" if is_part else "studio.html", context, status=status)
