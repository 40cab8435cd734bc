"""One galaxy: its page, its files, votes for it, and what its makers can do with it."""

from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from galaxies import facts, generation, session, votes
from galaxies import measured as measurement
from galaxies.larger import SIDES, larger_file
from galaxies.models import Galaxy, Vote
from galaxies.serving import Busy
from galaxies.views.http import (
    HtmxHttpRequest,
    at_its_address,
    busy_is_503,
    galaxy_or_404,
    next_page,
    person_of,
    redirect_back,
)
from galaxies.views.me import PersonHttpRequest, place_in_list
from galaxies.votes import mark_votes
from nebulai.views import problem

CONTENT_TYPES = {"webp": "image/webp", "png": "image/png", "fits": "application/fits"}


@require_safe
@at_its_address
def galaxy(request: HttpRequest, shown: Galaxy) -> HttpResponse:
    """Show a galaxy's own page."""
    person = person_of(request)
    mark_votes([shown], person)
    is_maker = person is not None and shown.makings.filter(person=person).exists()
    context = {"galaxy": shown, "is_maker": is_maker, "current": generation.current_version()}
    return render(request, "galaxy.html", context | measurement.context(shown))


@require_safe
@busy_is_503
@at_its_address
def image(request: HttpRequest, galaxy: Galaxy, kind: str) -> HttpResponse:
    """Send a galaxy as "webp", "png" or "fits"."""
    response = HttpResponse(generation.image_file(galaxy, kind), content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'inline; filename="nebulai-{galaxy}.{kind}"'
    patch_cache_control(response, public=True, max_age=24 * 3600)
    return response


@require_safe
@busy_is_503
def larger(request: HttpRequest, public_id: str, side: int, kind: str) -> HttpResponse:
    """Send a galaxy enlarged to 512 or 1024 px, as "webp" or "png"."""
    if side not in SIDES or kind == "fits":  # nobody wants made-up pixels in FITS
        raise Http404
    response = HttpResponse(larger_file(galaxy_or_404(public_id), kind, side), content_type=CONTENT_TYPES[kind])
    response["Content-Disposition"] = f'inline; filename="nebulai-{public_id}-{side}.{kind}"'
    patch_cache_control(response, public=True, max_age=24 * 3600)
    return response


@require_POST
@vary_on_headers("HX-Request")
def vote(request: HtmxHttpRequest, public_id: str) -> HttpResponse:
    """Toggle the person's vote; a visitor logs in first and then finds the vote cast."""
    value = request.POST.get("value", "")
    if value not in Vote.Value:
        return problem(request, 422, _("Like or dislike"), _("Send the vote as like or dislike."))
    if person := person_of(request):
        try:
            voted = votes.toggle_vote(person, public_id, value, request.POST.get("shown"))
        except Galaxy.DoesNotExist:
            raise Http404 from None
        return (
            render(request, "_votes.html", {"galaxy": voted, "here": next_page(request, voted.get_absolute_url())})
            if request.htmx
            else redirect_back(request, voted.get_absolute_url())
        )
    wanted = galaxy_or_404(public_id)
    session.remember_vote(request.session, wanted, value)
    login = redirect_to_login(next_page(request, wanted.get_absolute_url()))
    return HttpResponseClientRedirect(login.url) if request.htmx else login


def makers_only(view: Callable[[HttpRequest, Galaxy], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Call the view with the galaxy if the person made it; others get 403, visitors log in first."""

    @wraps(view)
    def wrapped(request: HttpRequest, public_id: str) -> HttpResponse:
        galaxy = galaxy_or_404(public_id)
        person = person_of(request)
        if person is None:
            return redirect_to_login(galaxy.get_absolute_url())
        if not galaxy.makings.filter(person=person).exists():
            raise PermissionDenied
        return view(request, galaxy)

    return wrapped


@require_POST
@makers_only
def publish(request: HttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Publish a galaxy in the gallery, or take it back; liked ones stay there all the same."""
    Galaxy.objects.filter(pk=galaxy.pk).update(published=request.POST.get("published") == "1")
    return redirect_back(request, galaxy.get_absolute_url())


@require_POST
@makers_only
def delete(request: HttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Delete a galaxy with its file and its votes, or take the person off its makers if it has others."""
    own_request = cast(PersonHttpRequest, request)
    generation.disown(own_request.user, Galaxy.objects.filter(pk=galaxy.pk))
    if Galaxy.objects.filter(pk=galaxy.pk).exists():
        others = _("Galaxy %(galaxy)s is no longer one of yours. It stays, because other people made it too.")
        messages.success(request, others % {"galaxy": galaxy})
    else:
        messages.success(request, _("Galaxy %(galaxy)s is deleted.") % {"galaxy": galaxy})
    if own_request.htmx:
        return render(request, "me.html#deleted")
    return redirect(place_in_list(own_request))


@require_safe
@vary_on_headers("HX-Request")
@busy_is_503
@at_its_address
def galaxy_facts(request: HtmxHttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Compare a galaxy with real ones: a page, or for htmx a part of its card, which asks again when that is busy."""
    try:
        comparison = facts.compare(galaxy)
    except Busy as busy:
        if not request.htmx:
            raise
        return render(request, "facts.html#ask", {"galaxy": galaxy, "seconds": busy.retry_after})
    template = "facts.html#comparison" if request.htmx else "facts.html"
    return render(request, template, {"galaxy": galaxy, "comparison": comparison})


@require_safe
@vary_on_headers("HX-Request")
@at_its_address
def measured(request: HtmxHttpRequest, galaxy: Galaxy) -> HttpResponse:
    """Show what was measured of a galaxy: a page, or for htmx a part of its card, which asks until it is there."""
    context = {"galaxy": galaxy, "wait": 10, **measurement.context(galaxy)}
    return render(request, "_measured.html" if request.htmx else "measured.html", context)
