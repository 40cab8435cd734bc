"""What holds for every request and answer: readable input, headers, the language of a page, its compression."""

import re
from collections.abc import Callable
from io import RawIOBase
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib.admin.options import TO_FIELD_VAR
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponseBase]

CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # no header has these; a tab it may have
UTF_8 = {"utf-8", "utf8"}
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError, ValueError, LookupError)
PARTS = "multipart/form-data"
FORMS = (PARTS, "application/x-www-form-urlencoded")
TAIL = 1024  # bytes at the end of a form in parts, among which its last boundary is
PERSONAL, FRESH = "private, no-store", "private, no-cache"


class ReadableMiddleware:
    """Answer 400 to a request that cannot be read: a header, a cookie, an encoding or a form that is none.

    A form is read here, before any view, so that no view meets one that is damaged or cut off.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        check_headers(request)
        body = Watched(request._stream)
        request._stream = cast(BinaryIO, body)
        try:
            forms = request.GET, request.POST  # read here and kept
        except UNREADABLE as bad:
            request._mark_post_parse_error()  # type: ignore[attr-defined]  # so that nobody reads it again
            raise BadRequest(f"The form cannot be read ({type(bad).__name__}).") from None
        check_whole(request, body)
        if any(form.get(TO_FIELD_VAR) == "" for form in forms):
            raise BadRequest("No field has an empty name.")  # Django's admin would look for it
        return self.get_response(request)


def check_headers(request: HttpRequest) -> None:
    """Raises: BadRequest if a header has control characters or is not UTF-8, or names an encoding other than UTF-8."""
    for name, value in request.META.items():
        if name.startswith("HTTP_") and not _is_text(value):
            raise BadRequest(f"The header {name.removeprefix('HTTP_')} cannot be read.")
    if not (request.META.get("CONTENT_LENGTH") or "0").isdecimal():
        raise BadRequest("The length of the form is no number.")
    charset = (request.content_params or {}).get("charset", "utf-8")
    if charset.lower() not in UTF_8:
        raise BadRequest("Only UTF-8 is read here.")


class Watched(RawIOBase):
    """A body that remembers how much of it was read, and its end."""

    def __init__(self, stream: Any) -> None:
        self._stream, self.count, self.tail = stream, 0, b""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes."""
        return self._seen(self._stream.read(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line, up to `size` bytes of it."""
        return self._seen(self._stream.readline(size))

    def _seen(self, data: bytes) -> bytes:
        self.count += len(data)
        self.tail = (self.tail + data[-TAIL:])[-TAIL:]
        return data


def check_whole(request: HttpRequest, body: Watched) -> None:
    """Raises: BadRequest if a form that was read is cut off: it would pass for one with fewer or shorter fields."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if request.method != "POST" or request.content_type not in FORMS or not length:
        return
    last = f"--{(request.content_params or {}).get('boundary', '')}--".encode()
    if body.count < length or (request.content_type == PARTS and last not in body.tail):
        raise BadRequest("The form is cut off.")


def _is_text(value: str) -> bool:
    try:
        value.encode("latin-1").decode()  # WSGI hands the bytes of a header over as Latin-1
    except UnicodeError:
        return False
    return not CONTROL.search(value)


class HeadersMiddleware:
    """Tell browsers what no page here needs, and caches what is whose.

    What a visitor with a session gets is stored nowhere; other answers that name no age are asked for anew each time.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        name = settings.SESSION_COOKIE_NAME
        has_session = name in request.COOKIES or name in response.cookies
        response.headers.setdefault("Cache-Control", PERSONAL if has_session else FRESH)
        return response


class LanguageMiddleware(LocaleMiddleware):
    """Django's, but caches are told what it goes by: also the switch's cookie, and nothing where there are no words."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "text/html").startswith("text/html"):
            return response  # an image or a table of numbers is the same in all languages
        patch_vary_headers(response, ["Cookie"])
        return super().process_response(request, response)


class CompressText(GZipMiddleware):
    """Compress pages and other text; images and zips are compressed as they are.

    What must stay secret in a page differs with each answer: Django masks its tokens, and pads what it compresses.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the response, compressed if it is text."""
        if response.get("Content-Type", "").startswith(("text/", "application/json", "image/svg+xml")):
            return super().process_response(request, response)
        return response
