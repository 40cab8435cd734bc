from django.apps import AppConfig


class GalaxiesConfig(AppConfig):
    """Galaxies: generating, voting, the model versions and their training."""

    name = "galaxies"
