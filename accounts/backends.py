"""Logging in by e-mail."""

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from django.contrib.auth.hashers import make_password

from accounts.models import User

MIN_CHECKS = 2


class EmailBackend(AuthenticationBackend):
    """Log in by e-mail without revealing, by the answer or its time, whether an address has an account.

    Two people may have signed up with one address, because refusing the second would reveal the first. Each logs in
    with their own password, even if the other has verified the address. A login always takes two checks of a
    password, whether the address has no account, one or two.
    """

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        self._did_check_password = True
        users: list[User] = filter_users_by_email(email, for_login=True)
        passed = [user for user in users if self._check_password(user, password)]
        for _ in range(MIN_CHECKS - len(users)):
            make_password(password)
        return passed[0] if passed else None
