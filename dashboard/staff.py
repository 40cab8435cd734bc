"""Let only staff in, and log what they do."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from accounts.models import User

View = Callable[..., HttpResponseBase]


def staff_only(view: View) -> View:
    """Let only staff call a view: visitors log in first, other people get 403."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # The login can only lead back to a page, not send a form again: after a POST it leads to the overview.
            back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("dashboard:overview")
            return redirect_to_login(back)
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped


def permitted(permission: str) -> Callable[[View], View]:
    """Let only staff with a permission call a view: the same that the admin asks for."""

    def decorate(view: View) -> View:
        @staff_only
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return wrapped

    return decorate


def record(person: User, thing: Model, sentence: str, action: int = CHANGE) -> None:
    """Log what a member of staff did, in the log of Django's admin."""
    LogEntry.objects.log_actions(person.pk, [thing], action, change_message=sentence, single_object=True)
