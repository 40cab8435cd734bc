"""Log in: what a visitor did in the session becomes the person's."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import adapter
from accounts.models import User
from galaxies.models import Vote
from galaxies.session import claim


class AccountAdapter(adapter.AccountAdapter):
    """allauth's adapter, which also claims the session of the visitor."""

    def login(self, request: HttpRequest, user: User) -> None:
        """Log in, give the person the galaxies that the visitor generated, and cast the visitor's vote."""
        super().login(request, user)
        if voted := claim(request.session, user):
            likes = voted.my_vote == Vote.Value.LIKE
            messages.success(request, _("You like this galaxy.") if likes else _("You dislike this galaxy."))
