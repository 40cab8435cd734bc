"""Error pages, of which htmx takes the message out and leaves the page around it as it is; the language switch; what
robots read first, and who found a hole; the icon.
"""

import logging
import sys
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import defaults
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from nebulai.outages import outage

logger = logging.getLogger("django.request")

SECRET = ("/accounts/", "/admin/")  # below which forms hold passwords and codes
RETRY_SECONDS = 30
VALID = timedelta(days=180)  # of security.txt; RFC 9116 wants less than a year
ROBOTS = ["/accounts/", "/admin/", "/dashboard/", "/me/"]  # where robots have nothing to find


def problem(
    request: HttpRequest, status: int, title: str, text: str, *, retry_after: int | None = None
) -> HttpResponse:
    """Return a page that says what is wrong. retry_after: seconds until it is worth trying again.

    What was not ready (503) can be asked for again from the page, with all that was sent.
    """
    again = fields(request) if status == 503 else None
    context = {"title": title, "text": text, "seconds": retry_after, "again": again}
    response = render(request, "problem.html", context, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def fields(request: HttpRequest) -> list[tuple[str, str]] | None:
    """Return the fields that came with a request, by which it can be sent again; None where a file came with it."""
    if request.FILES:
        return None
    sent = request.POST if request.method == "POST" else request.GET
    return [(name, str(value)) for name, values in sent.lists() for value in values if name != "csrfmiddlewaretoken"]


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is too old, as after a login in another tab: it goes on by one press.

    Only a form of this site may go on so, which its Origin tells, and none that holds a password.
    """
    came_from = request.headers.get("Origin")
    is_ours = came_from == f"{request.scheme}://{request.get_host()}"
    may_go_on = is_ours and not request.path.startswith(SECRET) and reason != REASON_NO_CSRF_COOKIE
    again = fields(request) if may_go_on else None
    return render(request, "403_csrf.html", {"again": again}, status=403)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Return the answer of the rate limits, allauth's and ours."""
    return problem(
        request,
        429,
        _("A little slower"),
        _("That was a lot in one minute; go on in the next one."),
        retry_after=60,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an error that nothing caught: 503 with a sentence if it passes by itself, else 500.

    The page asks for no person and no session, since these may be what is away.
    """
    error = sys.exc_info()[1]
    sentence = outage(error)
    if not sentence:
        return defaults.server_error(request)
    logger.error("%s %s: 503, %s: %s", request.method, request.path, type(error).__name__, error)
    page = render_to_string("problem.html", {"title": _("One moment"), "text": sentence})
    response = HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
    response._has_been_logged = True  # type: ignore[attr-defined]  # in a line: a traceback would tell no more
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell robots what is not for them."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in ROBOTS)]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Tell whom to write to about a hole (RFC 9116)."""
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    entries = {
        "Contact": settings.SECURITY_CONTACT,
        "Expires": f"{midnight + VALID:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages": ", ".join(dict(settings.LANGUAGES)),
        "Canonical": request.build_absolute_uri(reverse("security_txt")),
    }
    lines = [f"{name}: {value}\n" for name, value in entries.items()]
    return HttpResponse("".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Lead to the icon, which browsers and readers of feeds look for at this address."""
    return redirect(static("favicon.ico"))


@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Remember the language in a cookie and go back to the page that the form names as `next`."""
    if request.POST.get("language") not in dict(settings.LANGUAGES):
        return problem(
            request, 400, _("No such language"), _("This site speaks English and French; choose one of them.")
        )
    return set_language(request)
