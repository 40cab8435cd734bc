"""Counts by day, version and family."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from galaxies.models.versions import ModelVersion


class TallyQuerySet(models.QuerySet["Tally"]):
    """Sums of tallies."""

    def sums_by(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return a row for each combination of values of the columns: (*values, generated, likes, dislikes), sorted."""
        sums = [models.Sum(name) for name in ("generated", "likes", "dislikes")]
        return list(self.order_by(*columns).values_list(*columns).annotate(*sums))


class Tally(models.Model):
    """How many galaxies of a family were made on a day (UTC), and how many votes for such galaxies were cast on it.

    galaxies.tallies writes them together with what they count, so that the dashboard need not count a million rows.
    """

    day = models.DateField(_("day"))
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), on_delete=models.CASCADE, related_name="tallies", db_index=False
    )
    cluster = models.PositiveSmallIntegerField(_("family"))
    generated = models.IntegerField(_("generated"), default=0)
    likes = models.IntegerField(_("likes"), default=0)
    dislikes = models.IntegerField(_("dislikes"), default=0)

    objects = TallyQuerySet.as_manager()

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        constraints = [
            models.UniqueConstraint(fields=["day", "model_version", "cluster"], name="one_tally_per_day_and_family")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model_version_id}/{self.cluster}"
