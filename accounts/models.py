from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person, who logs in by e-mail. The username is Django's, made from the address and shown to nobody."""

    email = models.EmailField("e-mail address")  # not unique: that would tell who has an account

    class Meta(AbstractUser.Meta):
        pass

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Addresses are kept in lower case, which is how allauth looks for them."""
        self.email = self.email.lower()
        super().save(*args, **kwargs)


def display_name(user: User) -> str:
    """What allauth calls a person, on their own pages and in mail to them."""
    return user.email
