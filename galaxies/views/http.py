"""What views share: types of requests, who asks, errors as responses, redirects."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from galaxies.ml.bundle import BundleError, NoNumbers
from galaxies.models import Galaxy
from galaxies.serving import Busy
from nebulai.views import problem

logger = logging.getLogger(__name__)

YEAR = 365 * 24 * 3600


class HtmxHttpRequest(HttpRequest):
    htmx: HtmxDetails


def busy_is_503(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer 503 with Retry-After, as a page or to htmx as a message, when the view raises Busy or BundleError."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Busy as busy:
            return problem(request, 503, _("One moment"), str(busy), retry_after=busy.retry_after)
        except NoNumbers as error:
            logger.error("%s %s: %s", request.method, request.path, error)
            text = _("The model made no picture of these numbers, and nothing was stored. Try others.")
            return problem(request, 503, _("No picture"), text, retry_after=60)
        except BundleError as error:
            logger.error("%s", error)
            text = _("The files of this model cannot be read at the moment.")
            return problem(request, 503, _("The model is not at hand"), text, retry_after=60)

    return wrapped


def galaxy_or_404(public_id: str) -> Galaxy:
    """Return a galaxy with its model version, also by an id from before it was merged. Raises: Http404."""
    try:
        return Galaxy.objects.select_related("model_version").named(public_id)
    except Galaxy.DoesNotExist:
        raise Http404 from None


def at_its_address(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Call a view of (request, galaxy); an id from before the galaxy was merged is redirected to the galaxy's own."""

    @wraps(view)
    def wrapped(request: HttpRequest, public_id: str, **kwargs: Any) -> HttpResponse:
        galaxy = galaxy_or_404(public_id)
        if galaxy.public_id != public_id:
            return redirect(request.get_full_path().replace(public_id, galaxy.public_id), permanent=True)
        return view(request, galaxy, **kwargs)

    return wrapped


def person_of(request: HttpRequest) -> User | None:
    """Return the person who is logged in, None for a visitor."""
    return request.user if isinstance(request.user, User) else None


def next_page(request: HttpRequest, page: str) -> str:
    """Return the page that the form names as `next` if it is one of this site, else `page`."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else page


def redirect_back(request: HttpRequest, page: str) -> HttpResponse:
    """Redirect to `next_page`."""
    return redirect(next_page(request, page))
