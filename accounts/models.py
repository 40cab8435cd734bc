"""The user model."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A person, who logs in by e-mail. Django's username is made from the address and not shown."""

    email = models.EmailField(_("e-mail address"))  # not unique: that would reveal who has an account

    class Meta(AbstractUser.Meta):
        pass

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the address in lower case, as allauth looks for it."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)


def display_name(user: User) -> str:
    """Return the name that allauth shows to the person, on pages and in mail."""
    return user.email
