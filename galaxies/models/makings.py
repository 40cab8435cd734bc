"""Who generated a galaxy."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.models.galaxy import Galaxy


class Making(models.Model):
    """That a person generated a galaxy, and when."""

    galaxy = models.ForeignKey(
        Galaxy, verbose_name=_("galaxy"), on_delete=models.CASCADE, related_name="makings", db_index=False
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.CASCADE,
        related_name="makings",
        db_index=False,
    )
    created = models.DateTimeField(_("made"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["person", "-created", "-id"], name="making_by_person")]
        constraints = [models.UniqueConstraint(fields=["galaxy", "person"], name="one_making_per_galaxy_and_person")]

    def __str__(self) -> str:
        return f"{self.galaxy_id} by {self.person_id}"
