"""Model versions: the bundles that the database knows."""

from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.family_words import in_words
from galaxies.ml.bundle import MANIFEST


class ModelVersion(models.Model):
    """A bundle that the database knows. What pages show of it is copied here, so that no page reads its files."""

    version = models.CharField(
        _("version"),
        max_length=64,
        unique=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9._-]*\Z", _("Use letters, digits, dots, dashes."))],
    )
    is_active = models.BooleanField(_("active"), default=False, editable=False)
    trained = models.CharField(
        _("trained"), max_length=40, blank=True, help_text=_("When the bundle was written, as it says itself.")
    )
    registered = models.DateTimeField(_("registered"), default=timezone.now, editable=False)
    n_clusters = models.PositiveSmallIntegerField(_("number of families"))
    resolution = models.PositiveSmallIntegerField(_("resolution"))
    families = models.JSONField(
        _("families"), default=list, help_text=_("id, name, sentence, share and exemplar files of each cluster.")
    )
    credit = models.TextField(_("credit"), blank=True, help_text=_("Whose images the model learned from."))
    checksum = models.CharField(
        _("checksum"), max_length=64, help_text=_("sha256 of the manifest, which has those of all other files.")
    )
    encoder_checksum = models.CharField(
        _("checksum of the encoder"), max_length=64, blank=True, help_text=_("sha256 of encoder.npz.")
    )
    size = models.PositiveBigIntegerField(_("size"), default=0, help_text=_("Bytes of all files together."))
    metrics = models.JSONField(
        _("measured numbers"), null=True, blank=True, help_text=_("What manage.py evaluate found: metrics.json.")
    )
    steering = models.JSONField(
        _("steering"),
        default=dict,
        blank=True,
        help_text=_("What galaxies are steered by, and how well: directions.json, in short."),
    )
    activated = models.DateTimeField(
        _("last activated"), null=True, blank=True, editable=False, help_text=_("The last time it was.")
    )
    archived = models.BooleanField(
        _("archived"), default=False, editable=False, help_text=_("Kept for its galaxies, offered no more.")
    )

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering = ["-registered"]
        constraints = [
            models.UniqueConstraint(fields=["is_active"], condition=Q(is_active=True), name="one_active_model_version"),
        ]

    def __str__(self) -> str:
        return self.version

    @classmethod
    def active(cls) -> Self | None:
        """The version that new galaxies come from, or None before the first is activated."""
        return cls.objects.filter(is_active=True).first()

    @classmethod
    def with_galaxies(cls) -> "models.QuerySet[Self]":
        """Return the versions that galaxies are of, the active one first: what a list of galaxies is filtered by."""
        from galaxies.models.galaxy import Galaxy  # which imports this module

        galaxies = Galaxy.objects.filter(model_version=OuterRef("pk")).order_by()
        return cls.objects.filter(Exists(galaxies)).defer("metrics").order_by("-is_active", "-registered")

    @property
    def path(self) -> Path:
        """The bundle's folder."""
        return Path(settings.MODELS_STORE) / self.version

    @property
    def has_files(self) -> bool:
        """Whether the bundle's folder is there; what is in it is checked when it is loaded."""
        return (self.path / MANIFEST).is_file()

    @property
    def is_retired(self) -> bool:
        """Whether it makes no new galaxies: it is archived, or its files are gone."""
        return self.archived or not self.has_files

    def family(self, cluster: int) -> dict[str, Any]:
        """Return id, name, sentence, share and exemplars of a cluster. Raises: KeyError if there is no such cluster."""
        for family in self.families:
            if family["id"] == cluster:
                return dict(family)
        raise KeyError(cluster)

    @property
    def shown_families(self) -> list[dict[str, Any]]:
        """The families as a page names them, in the reader's language."""
        return [in_words(family) for family in self.families]
