from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GalaxiesConfig(AppConfig):
    """Galaxies: generating, voting, the model versions and their training."""

    name = "galaxies"
    verbose_name = _("Galaxies")

    def ready(self) -> None:
        from galaxies.metrics import looked_up
        from nebulai.metrics import Asked, asked

        asked.append(Asked(looked_up))
