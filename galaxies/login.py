"""Log in: what a visitor did in the session becomes the person's."""

from django.contrib import messages
from django.http import HttpRequest

from accounts import adapter
from accounts.models import User
from galaxies.session import claim


class AccountAdapter(adapter.AccountAdapter):
    """allauth's adapter, which also claims the session of the visitor."""

    def login(self, request: HttpRequest, user: User) -> None:
        """Log in, give the person the galaxies that the visitor generated, and cast the visitor's vote."""
        super().login(request, user)
        if voted := claim(request.session, user):
            messages.success(request, f"You {voted.my_vote} this galaxy.")
