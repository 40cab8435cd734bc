from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from galaxies import preferences, services
from galaxies.forms import GenerateForm
from galaxies.models import DEFAULT_PSI, Galaxy, ModelVersion
from galaxies.serving import Busy, service
from galaxies.visits import remember_made
from galaxies.votes import mark_votes
from nebulai.views import problem, too_many_requests

CONTENT_TYPES = {"webp": "image/webp", "png": "image/png", "fits": "application/fits"}
YEAR = 365 * 24 * 3600


class HtmxHttpRequest(HttpRequest):
    htmx: HtmxDetails


def busy_is_503(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer 503 with Retry-After, on a page or as a message, when the generator cannot answer."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Busy as busy:
            return problem(request, 503, "One moment", str(busy), busy.retry_after)

    return wrapped


@require_safe
def studio(request: HttpRequest) -> HttpResponse:
    """The studio, prefilled from the address: /?cluster=3&seed=42&psi=0.8."""
    version = services.current_version()
    can_pick = preferences.standing(version) is not None
    return _studio(request, version, GenerateForm(version, {"psi": DEFAULT_PSI, **request.GET.dict()}, can_pick))


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def generate(request: HtmxHttpRequest) -> HttpResponse:
    """Paint a galaxy: the card for htmx, its page for everybody else."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    version = services.current_version()
    if version is None:
        raise Busy("No model has been trained yet; come back when the site has one.", retry_after=60)
    taste = preferences.standing(version)
    form = GenerateForm(version, request.POST, can_pick=taste is not None)
    if not form.is_valid():
        return _studio(request, version, form, status=422)
    cluster, seed, psi = (form.cleaned_data[name] for name in ("cluster", "seed", "psi"))
    person = person_of(request)
    if taste and form.picks:
        picked = preferences.pick(version, taste, cluster=cluster, psi=psi, creator=person)
        return _painted(request, picked, picked_of=preferences.PICK_FROM)
    return _painted(request, services.generate(version, cluster=cluster, seed=seed, psi=psi, creator=person))


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def vary(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Paint a galaxy near this one."""
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    return _painted(request, services.vary(_galaxy(public_id), creator=person_of(request)))


@require_safe
def galaxy(request: HttpRequest, public_id: str) -> HttpResponse:
    """A galaxy's own page."""
    shown = _galaxy(public_id)
    mark_votes([shown], person_of(request))
    picture = request.build_absolute_uri(reverse("image", args=[public_id, "png"]))
    return render(request, "galaxy.html", {"galaxy": shown, "picture": picture})


@require_safe
@busy_is_503
def image(request: HttpRequest, public_id: str, kind: str) -> HttpResponse:
    """A galaxy's file."""
    response = HttpResponse(services.image_file(_galaxy(public_id), kind), content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'inline; filename="nebulai-{public_id}.{kind}"'
    patch_cache_control(response, public=True, max_age=24 * 3600)
    return response


@require_safe
def exemplar(request: HttpRequest, version: str, cluster: int, number: int) -> FileResponse:
    """One of a family's exemplars: only files that the registered manifest names."""
    model_version = get_object_or_404(ModelVersion, version=version)
    try:
        path = model_version.path / model_version.family(cluster)["exemplars"][number]
        response = FileResponse(path.open("rb"), content_type="image/webp")
    except (KeyError, IndexError, FileNotFoundError):
        raise Http404 from None
    patch_cache_control(response, public=True, max_age=YEAR, immutable=True)
    return response


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


def _galaxy(public_id: str) -> Galaxy:
    return get_object_or_404(Galaxy.objects.select_related("model_version"), public_id=public_id)


def person_of(request: HttpRequest) -> User | None:
    """Who is logged in, None for a visitor."""
    return request.user if isinstance(request.user, User) else None


def _painted(request: HtmxHttpRequest, painted: Galaxy, picked_of: int = 0) -> HttpResponse:
    if painted.creator_id is None:
        remember_made(request.session, painted)
    if request.htmx:
        return render(request, "studio.html#painted", {"galaxy": painted, "in_studio": True, "picked_of": picked_of})
    if picked_of:
        messages.info(request, f"The crowd's pick out of {picked_of}.")
    return redirect(painted)


def _studio(request: HttpRequest, version: ModelVersion | None, form: GenerateForm, status: int = 200) -> HttpResponse:
    return render(request, "studio.html", {"version": version, "form": form}, status=status)
