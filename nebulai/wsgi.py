"""What gunicorn serves: `gunicorn nebulai.wsgi` (gunicorn.conf.py has the rest)."""

import os
from typing import Any

import django
from django.core.exceptions import SuspiciousOperation
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nebulai.settings")


class Request(WSGIRequest):
    """Django's, but one in an encoding that is none of text comes as far as ReadableMiddleware, which says so."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # reads the query by that encoding
        except (LookupError, ValueError, SuspiciousOperation):
            self._encoding = None


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
