"""Votes."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Vote(models.Model):
    """A person's like or dislike of a galaxy. galaxies.votes writes it, together with the galaxy's sums."""

    class Value(models.TextChoices):
        LIKE = "like", _("Like")
        DISLIKE = "dislike", _("Dislike")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        on_delete=models.CASCADE,
        related_name="votes",
        db_index=False,
    )
    galaxy = models.ForeignKey(
        "galaxies.Galaxy", verbose_name=_("galaxy"), on_delete=models.CASCADE, related_name="votes"
    )
    value = models.CharField(_("value"), max_length=7, choices=Value)
    created = models.DateTimeField(
        _("cast"), default=timezone.now, editable=False, help_text=_("When it was cast or changed.")
    )

    class Meta:
        verbose_name = _("vote")
        verbose_name_plural = _("votes")
        ordering = ["-created", "-id"]
        indexes = [models.Index(fields=["person", "value", "-created", "-id"], name="vote_by_person")]
        constraints = [
            models.UniqueConstraint(fields=["person", "galaxy"], name="one_vote_per_person_and_galaxy"),
            models.CheckConstraint(condition=Q(value__in=["like", "dislike"]), name="vote_likes_or_dislikes"),
        ]

    def __str__(self) -> str:
        return f"{self.value} of {self.galaxy_id}"
