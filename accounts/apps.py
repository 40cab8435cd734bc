from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People: the user model and logging in."""

    name = "accounts"
