from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest

from accounts.models import User
from galaxies.visits import claim


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Where logging in and signing up meet this site."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP == "open")

    def login(self, request: HttpRequest, user: User) -> None:
        """What the visitor made in this session becomes theirs, and the vote they pressed is cast."""
        super().login(request, user)
        if voted := claim(request.session, user):
            messages.success(request, f"You {voted.my_vote} this galaxy.")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def build_totp_svg(self, url: str) -> str:
        """The QR code to stand in the page itself: the content policy allows no image out of a data: address."""
        svg: str = super().build_totp_svg(url)
        return svg[svg.index("<svg") :]
