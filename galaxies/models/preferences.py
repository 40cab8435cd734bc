"""What was learned from votes."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PreferenceModel(models.Model):
    """Logistic regression: the probability that somebody who votes likes a galaxy, from its encoder's features.

    It holds for every model version with the same encoder; the newest for an encoder counts.
    """

    created = models.DateTimeField(_("learned"), default=timezone.now, editable=False)
    encoder_checksum = models.CharField(_("checksum of the encoder"), max_length=64, db_index=True)
    n_votes = models.PositiveIntegerField(_("votes"))
    n_galaxies = models.PositiveIntegerField(_("galaxies"))
    auc = models.FloatField(_("AUC"), help_text=_("Cross-validated, no galaxy on both sides; 0.5 is chance."))
    coefficients = models.JSONField(_("coefficients"))
    intercept = models.FloatField(_("intercept"))

    class Meta:
        verbose_name = _("preference model")
        verbose_name_plural = _("preference models")
        ordering = ["-created", "-id"]

    def __str__(self) -> str:
        return f"{self.n_votes} votes, AUC {self.auc:.2f}"
