"""Training runs."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.models.versions import ModelVersion


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Training runs by their state."""

    def live(self) -> Self:
        """Return the runs that wait for the worker or are under way: one at most."""
        return self.filter(state__in=TrainingRun.LIVE)


class TrainingRun(models.Model):
    """A training run and how far it is. galaxies.training.folders.path_of(name) is its folder.

    galaxies.training.life_cycle and galaxies.training.control write these rows.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")
        INTERRUPTED = "interrupted", _("Interrupted")
        FAILED = "failed", _("Failed")

    LIVE = (State.QUEUED, State.RUNNING)

    name = models.CharField(_("name"), max_length=100, unique=True, editable=False)
    options = models.JSONField(_("options"), default=dict, help_text=_("galaxies.training.request.Options."))
    state = models.CharField(_("state"), max_length=11, choices=State, default=State.QUEUED)
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started = models.DateTimeField(
        _("started"), null=True, blank=True, help_text=_("The last time that it was started or resumed.")
    )
    finished = models.DateTimeField(_("finished"), null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), on_delete=models.SET_NULL, null=True, blank=True
    )
    cancel_requested = models.BooleanField(_("to be cancelled"), default=False)
    # The last report of the phase under way (galaxies.ml.loop.Report).
    phase = models.CharField(_("phase"), max_length=40, blank=True)
    images = models.PositiveBigIntegerField(_("images seen"), default=0)
    images_per_second = models.FloatField(_("images per second"), default=0.0)
    share = models.FloatField(_("share done"), default=0.0, help_text=_("Of the phase, 0 to 1."))
    eta_seconds = models.FloatField(_("seconds left"), default=0.0, help_text=_("Of the phase."))
    losses = models.JSONField(_("losses"), default=dict)
    message = models.TextField(_("message"), blank=True, help_text=_("Why it ended, in a sentence."))
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), on_delete=models.SET_NULL, null=True, blank=True
    )

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ["-created", "-id"]
        constraints = [
            # Two trainings at once would be slower than one after the other, and eat the memory of both.
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=["queued", "running"]), name="one_live_training_run"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Whether it waits for the worker or is under way."""
        return self.state in self.LIVE
