"""The studio: ask for a galaxy or several, and see them on its stage."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from allauth.core import ratelimit
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from galaxies import generation, preferences
from galaxies.family_words import in_words
from galaxies.forms import GenerateForm, PictureForm
from galaxies.models import ID_LENGTH, Galaxy, ModelVersion
from galaxies.opening import opening
from galaxies.recipe import DEFAULT_PSI, Recipe
from galaxies.registry.family_matching import nearest_family
from galaxies.serving import Busy
from galaxies.session import has_made, made_in, remember_made
from galaxies.views.http import HtmxHttpRequest, busy_is_503, person_of
from galaxies.views.upload import taken
from galaxies.votes import mark_votes
from galaxies.walks import MAX_BLEND, RADIUS
from nebulai.views import too_many_requests

KINDS = ("several", "pick", "near", "blend", "families")  # of galaxies that the stage shows together
FILM = 24  # galaxies of this visit at the studio's foot


@require_safe
@vary_on_headers("HX-Request")
def studio(request: HtmxHttpRequest) -> HttpResponse:
    """Show the studio with a recipe, /?version=NAME&cluster=3&seed=42&psi=0.8, and its galaxy if there is one.

    To htmx, the galaxy alone.
    """
    asked = request.GET.dict()
    kind = asked.get("show", "") if asked.get("show") in KINDS else ""
    one = Galaxy.objects.at_address(asked)
    shown = _several(asked) if kind else [one] if one else []
    try:
        version = generation.version_for(asked.get("version", ""))
    except generation.Retired as retired:
        return instead(request, retired, asked, status=200, shown=shown)
    can_pick = preferences.standing(version) is not None
    form = GenerateForm(version, {"psi": DEFAULT_PSI, **asked}, can_pick)
    status = 200 if form.is_valid() or not version else 422
    return _studio(request, version, form, status, shown=shown, kind=kind if shown else "")


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
    shown = made_in(request.session, 1)
    return _studio(request, version, GenerateForm(version, {"psi": DEFAULT_PSI}), 422, picture=form, shown=shown)


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
        return instead(request, retired, request.POST.dict())
    person = person_of(request)
    if taste and form.picks:
        cluster, psi = form.cleaned_data["cluster"], form.cleaned_data["psi"]
        picked = preferences.pick(version, taste, cluster=cluster, psi=psi, creator=person)
        return show(request, picked, "pick")
    return show(request, generation.make(version, _asked(form, version), person), "several")


def _asked(form: GenerateForm, version: ModelVersion) -> list[Recipe]:
    """Return the recipes that a valid form asks for: with a seed, those from it on."""
    given = form.cleaned_data
    parts = {name: given[name] for name in ("path", "shares", "steer")}
    recipes = []
    for number in range(given["count"]):
        seed = generation.new_seed() if given["seed"] is None else given["seed"] + number
        cluster = generation.draw_cluster(version, seed) if given["cluster"] is None else given["cluster"]
        recipes.append(Recipe(version.version, cluster, seed, given["psi"], **parts))
    return recipes


def show(request: HtmxHttpRequest, galaxies: list[Galaxy], kind: str) -> HttpResponse:
    """Answer with the galaxies of a request: to htmx their cards, else a redirect to one's page or all on the stage.

    kind: what they have in common, one of KINDS; it counts for several only.
    """
    again = kind == "several" and len(galaxies) == 1 and has_made(request.session, galaxies[0])
    remember_made(request.session, galaxies)
    if len(galaxies) == 1:
        kind = ""
    address = address_of(galaxies, kind) if kind else galaxies[0].studio_url
    if not request.htmx:
        return redirect(address if kind else galaxies[0])
    mark_votes(galaxies, person_of(request))
    context = {
        "current": generation.current_version([galaxy.model_version for galaxy in galaxies]),
        "film": galaxies[::-1],
        "again": again,
        **on_stage(galaxies, kind),
    }
    return push_url(render(request, "studio.html#generated", context), address)


def address_of(galaxies: list[Galaxy], kind: str) -> str:
    """Return the address of several galaxies on the stage, with what was asked for or the recipe of the first."""
    query = galaxies[0].address | {"show": kind, "ids": ",".join(galaxy.public_id for galaxy in galaxies)}
    if kind in ("several", "pick"):
        del query["seed"]
        query |= {"count": str(len(galaxies))} if kind == "several" else {"pick": "on"}
        if len({galaxy.cluster for galaxy in galaxies}) > 1:
            del query["cluster"]
    return f"{reverse('galaxies:studio')}?{urlencode(query, safe=':,')}"


def on_stage(galaxies: list[Galaxy], kind: str) -> dict[str, Any]:
    """Return what the stage needs to show galaxies: one alone, or several of a kind."""
    alone = galaxies[0] if galaxies and kind in ("", "pick") else None
    here = alone.get_absolute_url() if alone else ""
    picked_of = len(galaxies) if kind == "pick" else 0
    context: dict[str, Any] = {"galaxy": alone, "in_studio": True, "here": here, "picked_of": picked_of}
    if kind:
        steps = galaxies[-1].recipe.steps
        context |= {"several": galaxies, "kind": kind, "radius": steps[-1][1] if steps else RADIUS}
    return context


def _several(asked: Mapping[str, str]) -> list[Galaxy]:
    """Return the galaxies whose ids an address names, in its order; those that are gone are left out."""
    ids = asked.get("ids", "").split(",")[:MAX_BLEND]
    named = [each for each in ids if len(each) == ID_LENGTH and each.isalnum()]
    there = Galaxy.objects.select_related("model_version").filter(public_id__in=named)
    by_id = {galaxy.public_id: galaxy for galaxy in there}
    return [by_id[each] for each in dict.fromkeys(named) if each in by_id]


def instead(
    request: HtmxHttpRequest,
    retired: generation.Retired,
    asked: Mapping[str, str],
    *,
    status: int = 422,
    shown: Sequence[Galaxy] = (),
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
    return _studio(request, version, form, status, shown=shown, notice=f"{retired} {offer}".strip())


def _studio(
    request: HtmxHttpRequest,
    version: ModelVersion | None,
    form: GenerateForm,
    status: int = 200,
    *,
    picture: PictureForm | None = None,
    shown: Sequence[Galaxy] = (),
    kind: str = "",
    notice: str = "",
) -> HttpResponse:
    """Render the studio. shown: what is on its stage; notice: why the model is not the one that was asked for."""
    current = generation.current_version([version] if version else [])
    mark_votes(shown, person_of(request))
    context = {
        "version": version,
        "form": form,
        "picture": picture,
        "is_older": version != current,
        "current": current,
        "opening": opening(version) if version and not shown else None,
        "notice": notice,
        "film": made_in(request.session, FILM),
        "film_room": FILM,
        **on_stage(list(shown), kind),
    }
    is_whole = request.htmx.boosted or request.htmx.history_restore_request
    is_part = request.htmx and request.method == "GET" and not is_whole
    return render(request, "studio.html#stage" if is_part else "studio.html", context, status=status)
