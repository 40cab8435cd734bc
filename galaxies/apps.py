from django.apps import AppConfig


class GalaxiesConfig(AppConfig):
    """What the product does."""

    name = "galaxies"
