"""allauth's adapters: whether people may sign up, and the QR code of a second factor."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from accounts.models import User

LOGGED_IN_AT = "logged_in_at"  # a key of the session


class AccountAdapter(DefaultAccountAdapter):
    """Open or close signing up by a setting; ask for no password of somebody who has just given it."""

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        request.session[LOGGED_IN_AT] = time.time()

    def is_reauthentication_required(self, **kwargs: Any) -> bool:
        """Count a login as allauth counts a password that is asked again: it is good for the same time."""
        at = self.request.session.get(LOGGED_IN_AT, 0.0)
        if time.time() - at < app_settings.REAUTHENTICATION_TIMEOUT:
            return False
        return bool(super().is_reauthentication_required(**kwargs))

    def is_safe_url(self, url: str | None) -> bool:
        """Tell whether to go on to an address that came with a request; one that cannot be read is none to go to."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP == "open")


class MFAAdapter(DefaultMFAAdapter):
    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as SVG for the page itself: the content policy allows no image from a data: URL."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]
