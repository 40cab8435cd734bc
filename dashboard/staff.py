"""Who may enter, and what is remembered of what they did."""

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


def staff_only(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Visitors log in first; people who are not staff get 403."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # A form cannot be sent again by whom the login leads back: they get the page of forms instead.
            back = request.get_full_path() if request.method in ("GET", "HEAD") else reverse("dashboard:overview")
            return redirect_to_login(back)
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return wrapped


def record(person: User, thing: Model, sentence: str, action: int = CHANGE) -> None:
    """Write what a member of the staff did into the log that Django's admin shows."""
    LogEntry.objects.log_actions(person.pk, [thing], action, change_message=sentence, single_object=True)
