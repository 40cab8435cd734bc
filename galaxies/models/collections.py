"""Collections of galaxies."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.models.galaxy import Galaxy, GalaxyQuerySet
from galaxies.models.ids import ID_LENGTH, new_public_id


class Collection(models.Model):
    """Galaxies that somebody put together, in an order of their own. galaxies.collections writes its items."""

    public_id = models.CharField(_("id"), max_length=ID_LENGTH, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("owner"), on_delete=models.CASCADE, related_name="collections"
    )
    name = models.CharField(_("name"), max_length=80)
    is_public = models.BooleanField(_("public"), default=False, help_text=_("Everybody with its link can see it."))
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("galaxies:collection", args=[self.public_id])

    @property
    def galaxies(self) -> GalaxyQuerySet:
        """Its galaxies in its order."""
        return Galaxy.objects.filter(items__collection=self).order_by("items__position")


class CollectionItem(models.Model):
    """A galaxy in a collection."""

    collection = models.ForeignKey(
        Collection, verbose_name=_("collection"), on_delete=models.CASCADE, related_name="items", db_index=False
    )
    galaxy = models.ForeignKey(Galaxy, verbose_name=_("galaxy"), on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField(_("position"))

    class Meta:
        ordering = ["collection", "position"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "galaxy"], name="one_item_per_collection_and_galaxy"),
        ]

    def __str__(self) -> str:
        return f"{self.position} of {self.collection_id}"
