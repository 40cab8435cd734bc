"""allauth's adapters: whether people may sign up, and the QR code of a second factor."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Open or close signing up by a setting."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP == "open")


class MFAAdapter(DefaultMFAAdapter):
    def build_totp_svg(self, url: str) -> str:
        """Return the QR code as SVG for the page itself: the content policy allows no image from a data: URL."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]
