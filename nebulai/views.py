"""Error pages, of which htmx takes the message out and leaves the page around it as it is, and the language switch."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.i18n import set_language


def problem(
    request: HttpRequest, status: int, title: str, text: str, *, retry_after: int | None = None
) -> HttpResponse:
    """Return a page that says what is wrong. retry_after: seconds until it is worth trying again."""
    response = render(request, "problem.html", {"title": title, "text": text}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


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
