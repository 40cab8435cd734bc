"""Each request has an id: in the events of the log, in the answer as X-Request-ID, in the tasks that it queues.

A task keeps it in its row, and the worker hands it to the processes that it starts, in NEBULAI_REQUEST_ID.
"""

import os
import time
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.encoding import escape_uri_path
from django_structlog.middlewares import RequestMiddleware as StructlogMiddleware
from django_tasks import TaskResult
from django_tasks.signals import task_enqueued, task_finished, task_started
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from nebulai import metrics

logger = structlog.get_logger("nebulai.requests")

HEADER = "X-Request-ID"
VARIABLE = "NEBULAI_REQUEST_ID"
QUIET = ("/static/", "/healthz", "/readyz", "/metrics", "/favicon.ico")  # at DEBUG: they come all the time


class RequestMiddleware(StructlogMiddleware):
    """django-structlog's, with one event for a request, when it is answered, and nothing of who asked; counted too.

    The error of a request is logged by Django. What a body that streams logs has the request's id, too: the id stays
    until the thread's next request. (django-structlog wraps such a body, and gunicorn could not send a file by itself.)
    """

    def prepare(self, request: HttpRequest) -> None:
        clear_contextvars()
        request.began = time.perf_counter()  # type: ignore[attr-defined]
        super().prepare(request)

    def handle_response(self, request: HttpRequest, response: HttpResponseBase) -> None:
        response.headers[HEADER] = get_contextvars()["request_id"]
        match = request.resolver_match
        view = match.view_name if match else ""
        seconds = time.perf_counter() - request.began  # type: ignore[attr-defined]
        metrics.answered(view, request.method or "", response.status_code, seconds)
        log = logger.debug if request.path.startswith(QUIET) else logger.info
        log(
            "request",
            method=request.method,
            path=escape_uri_path(request.path),  # without its query
            view=view,
            status=response.status_code,
            seconds=round(seconds, 4),
        )

    def process_got_request_exception(self, sender: type[Any], request: HttpRequest, **kwargs: Any) -> None:
        """Leave it to Django's log, which has it once."""


def connect() -> None:
    """Let tasks carry the id of the request that queues them."""
    task_enqueued.connect(_hand_over)
    task_started.connect(_take_over)
    task_finished.connect(_let_go)
    if inherited := os.environ.get(VARIABLE):
        bind_contextvars(request_id=inherited)


def _hand_over(sender: type[Any], task_result: TaskResult[Any], **kwargs: Any) -> None:
    row = getattr(task_result, "db_result", None)
    request_id = get_contextvars().get("request_id")
    if row is not None and request_id:
        row.args_kwargs = {**row.args_kwargs, "request_id": request_id}  # a third key, which django-tasks-db leaves be
        row.save(update_fields=["args_kwargs"])


def _take_over(sender: type[Any], task_result: TaskResult[Any], **kwargs: Any) -> None:
    clear_contextvars()
    bind_contextvars(task_id=str(task_result.id))
    row = getattr(task_result, "db_result", None)
    request_id = row.args_kwargs.get("request_id") if row is not None else None
    if request_id:
        bind_contextvars(request_id=request_id)
        os.environ[VARIABLE] = request_id


def _let_go(sender: type[Any], task_result: TaskResult[Any], **kwargs: Any) -> None:
    os.environ.pop(VARIABLE, None)
