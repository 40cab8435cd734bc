from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """What staff see."""

    name = "dashboard"
