"""Error pages. htmx takes the message out of them and leaves the page around it as it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


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
        request, 429, "A little slower", "That was a lot in one minute; go on in the next one.", retry_after=60
    )
