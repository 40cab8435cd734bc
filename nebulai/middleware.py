"""The language of a page."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers


class LanguageMiddleware(LocaleMiddleware):
    """Django's, but caches are told what it goes by: also the switch's cookie, and nothing where there are no words."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.get("Content-Type", "text/html").startswith("text/html"):
            return response  # an image or a table of numbers is the same in all languages
        patch_vary_headers(response, ["Cookie"])
        return super().process_response(request, response)
