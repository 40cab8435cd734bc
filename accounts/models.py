from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person. Django's own fields for now, in a table of ours: swapping the user model later is painful."""
