"""What people do with galaxies that are there: look through them, vote, publish, delete, take many home."""

from collections.abc import Callable
from functools import wraps

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from galaxies import services, visits, votes
from galaxies.archives import archive_files, zip_stream
from galaxies.forms import GalleryForm, ZipForm
from galaxies.listing import NoSuchPage, gallery, page_of
from galaxies.models import Galaxy, Vote
from galaxies.views import HtmxHttpRequest, busy_is_503, person_of
from nebulai.views import problem, too_many_requests


@require_safe
@vary_on_headers("HX-Request")
def index(request: HtmxHttpRequest) -> HttpResponse:
    """The gallery; for htmx the tiles of one page."""
    form = GalleryForm(request.GET)
    if not form.is_valid():
        raise Http404
    order, cluster = form.cleaned_data["order"], form.cleaned_data["cluster"]
    try:
        page = page_of(gallery(order, cluster), form.cleaned_data["page"], person_of(request))
    except NoSuchPage:
        raise Http404 from None
    context = {"page": page, "order": order, "cluster": cluster, "version": services.current_version()}
    return render(request, "gallery.html#tiles" if request.htmx else "gallery.html", context)


@require_POST
@vary_on_headers("HX-Request")
def vote(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Like or dislike; a visitor logs in first and finds the vote cast."""
    value = request.POST.get("value", "")
    if value not in Vote.Value:
        return problem(request, 422, "Like or dislike", "Send the vote as like or dislike.")
    if person := person_of(request):
        try:
            voted = votes.press(person, public_id, value, request.POST.get("shown"))
        except Galaxy.DoesNotExist:
            raise Http404 from None
        return (
            render(request, "_votes.html", {"galaxy": voted})
            if request.htmx
            else _back(request, voted.get_absolute_url())
        )
    wanted = get_object_or_404(Galaxy, public_id=public_id)
    visits.remember_pressed(request.session, wanted, value)
    login = redirect_to_login(wanted.get_absolute_url())
    return HttpResponseClientRedirect(login.url) if request.htmx else login


def for_its_maker(view: Callable[[HttpRequest, Galaxy], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Pass the galaxy on if it is the visitor's own. Others get 403; who is not logged in comes back to its page."""

    @wraps(view)
    def wrapped(request: HttpRequest, public_id: str) -> HttpResponse:
        galaxy = get_object_or_404(Galaxy, public_id=public_id)
        if person_of(request) is None:
            return redirect_to_login(galaxy.get_absolute_url())
        if galaxy.creator_id != request.user.pk:
            raise PermissionDenied
        return view(request, galaxy)

    return wrapped


@require_POST
@for_its_maker
def publish(request: HttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Show a galaxy in the gallery, or no longer for this reason."""
    Galaxy.objects.filter(pk=galaxy.pk).update(published=request.POST.get("published") == "1")
    return _back(request, galaxy.get_absolute_url())


@require_POST
@for_its_maker
def delete(request: HttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Delete a galaxy with its file and its votes."""
    services.delete_galaxies(Galaxy.objects.filter(pk=galaxy.pk))
    messages.success(request, f"Galaxy {galaxy} is deleted.")
    return _back(request, reverse("me"))


@require_POST
@busy_is_503
def download(request: HttpRequest) -> HttpResponseBase:
    """Several galaxies and their recipes as one zip."""
    form = ZipForm(request.POST)
    if not form.is_valid():
        return problem(request, 422, "Nothing to pack", form.sentence())
    if not ratelimit.consume(request, action="zip"):
        return too_many_requests(request)
    galaxies, kind = form.cleaned_data["id"], form.cleaned_data["kind"]
    services.image_file(galaxies[0], kind)  # a generator that cannot answer is better told now than by an empty zip
    response = StreamingHttpResponse(zip_stream(archive_files(galaxies, kind)), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="nebulai-galaxies.zip"'
    return response


def _back(request: HttpRequest, page: str) -> HttpResponse:
    """To the page that the form names as `next`, if it is one of this site, else to `page`."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return redirect(wanted if safe else page)
