"""Error pages, of which htmx takes the message out and leaves the page around it as it is, and the language switch."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

SECRET = ("/accounts/", "/admin/")  # below which forms hold passwords and codes


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


@require_POST
def choose_language(request: HttpRequest) -> HttpResponseBase:
    """Remember the language in a cookie and go back to the page that the form names as `next`."""
    if request.POST.get("language") not in dict(settings.LANGUAGES):
        return problem(
            request, 400, _("No such language"), _("This site speaks English and French; choose one of them.")
        )
    return set_language(request)
