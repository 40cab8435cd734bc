"""A picture from elsewhere: its family, what is like it, and a galaxy made to be like it."""

from typing import Any

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from galaxies import generation, kinship, likeness, uploads
from galaxies.forms import PictureForm
from galaxies.models import Galaxy, ModelVersion
from galaxies.serving import Busy
from galaxies.session import MADE, remember_made
from galaxies.views.http import HtmxHttpRequest, busy_is_503, person_of
from nebulai.views import problem, too_many_requests


@require_http_methods(["GET", "HEAD", "POST"])
@busy_is_503
def upload(request: HttpRequest) -> HttpResponse:
    """Take a picture from elsewhere; one that brings a recipe opens the studio."""
    if request.method != "POST":
        return render(request, "upload.html", {"form": PictureForm()})
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    form = PictureForm(request.POST, request.FILES)
    if response := taken(request, form):
        return response
    return render(request, "upload.html", {"form": form}, status=422)


def taken(request: HttpRequest, form: PictureForm) -> HttpResponse | None:
    """Return the way on for a picture, None with errors in the form if it cannot be used. Raises: Busy."""
    if not form.is_valid():
        return None
    content = form.cleaned_data["picture"]
    if not isinstance(content, bytes):
        return redirect(f"{reverse('galaxies:studio')}?{urlencode(content.as_query())}")
    version = generation.current_version()
    if version is None:
        raise Busy(_("No model has been trained yet; come back when the site has one."), retry_after=60)
    try:
        found = uploads.read_upload(content, version)
    except uploads.NotUsable as error:
        form.add_error("picture", str(error))
        return None
    return redirect("galaxies:uploaded", uploads.remember(found))


@require_safe
@busy_is_503
def uploaded(request: HttpRequest, token: str) -> HttpResponse:
    """Show what an uploaded picture is like."""
    found = _found(token)
    if found is None:
        return _forgotten(request)
    picture, version = found
    context = {
        "token": token,
        "upload": picture,
        "version": version,
        "kin": kinship.kin(version, picture.features),
        "unlike": kinship.is_unlike(version, picture.features),
        "nearest": kinship.nearest_in_gallery(version, picture.features),
        "form": PictureForm(),
    }
    return render(request, "upload.html", context | _search(request, token))


@require_safe
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """Send an uploaded picture as it was made anew."""
    found = uploads.recall(token)
    if found is None:
        return _forgotten(request)
    response = HttpResponse(uploads.picture_file(found), content_type="image/webp")
    patch_cache_control(response, private=True, max_age=uploads.KEPT_SECONDS)
    return response


@require_POST
@vary_on_headers("HX-Request")
@busy_is_503
def make_alike(request: HtmxHttpRequest, token: str) -> HttpResponse:
    """Begin to look for a galaxy like an uploaded picture."""
    found = _found(token)
    if found is None:
        return _forgotten(request)
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    likeness.start(token, *found, person_of(request))
    if request.htmx:
        return render(request, "upload.html#likeness", {"token": token, **_search(request, token)})
    return redirect("galaxies:uploaded", token)


@require_safe
@vary_on_headers("HX-Request")
def alike(request: HtmxHttpRequest, token: str) -> HttpResponse:
    """Show htmx how far the search is, or what it found; others the whole page."""
    if not request.htmx:
        return redirect("galaxies:uploaded", token)
    return render(request, "upload.html#likeness", {"token": token, **_search(request, token)})


def _found(token: str) -> tuple[uploads.Upload, ModelVersion] | None:
    picture = uploads.recall(token)
    version = ModelVersion.objects.filter(version=picture.version).first() if picture else None
    return (picture, version) if picture and version else None


def _search(request: HttpRequest, token: str) -> dict[str, Any]:
    """Return the search of a picture and the galaxy that it found, which a visitor has made, too."""
    search = likeness.state(token)
    galaxy = Galaxy.objects.filter(public_id=search.galaxy).first() if search and search.galaxy else None
    if galaxy and galaxy.public_id not in request.session.get(MADE, []):
        remember_made(request.session, [galaxy])
    return {"search": search, "galaxy": galaxy}


def _forgotten(request: HttpRequest) -> HttpResponse:
    text = _("Uploaded pictures are forgotten after half an hour; upload yours again.")
    return problem(request, 410, _("This picture is gone"), text)
