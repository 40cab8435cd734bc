from django.contrib import messages
from django.http import HttpRequest

from accounts import adapter
from accounts.models import User
from galaxies.session import claim


class AccountAdapter(adapter.AccountAdapter):
    """Log in, and keep what the visitor did in this session."""

    def login(self, request: HttpRequest, user: User) -> None:
        """Give the person the galaxies that the visitor made, and cast the vote that the visitor chose."""
        super().login(request, user)
        if voted := claim(request.session, user):
            messages.success(request, f"You {voted.my_vote} this galaxy.")
