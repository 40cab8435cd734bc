"""Pages for when something is wrong. htmx takes the message out of them and leaves the page around it as it is."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def problem(request: HttpRequest, status: int, title: str, text: str, retry_after: int | None = None) -> HttpResponse:
    """A page that says what is wrong, and after how many seconds to try again where that is known."""
    response = render(request, "problem.html", {"title": title, "text": text}, status=status)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """What allauth's rate limits, and ours, answer with."""
    return problem(request, 429, "A little slower", "That was a lot in one minute; go on in the next one.", 60)
