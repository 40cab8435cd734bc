"""Sessions in the database, as Django has them; but a database that does not answer is no session that was deleted."""

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import InterfaceError, OperationalError


class SessionStore(DatabaseStore):
    """Django's own would answer 400, "the session was deleted", while the database is away."""

    def save(self, must_create: bool = False) -> None:
        """Store the session. Raises: UpdateError if another request has deleted it; OperationalError."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise
