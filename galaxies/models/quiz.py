"""Rounds of the quiz, and what was answered."""

import secrets

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from galaxies.models.versions import ModelVersion


def new_token() -> str:
    """Return an unguessable address for a round of the quiz."""
    return secrets.token_urlsafe(16)


class QuizRound(models.Model):
    """Ten pictures that somebody was asked about; nothing says who. galaxies.quiz.rounds writes these rows."""

    token = models.CharField(_("token"), max_length=22, unique=True, default=new_token, editable=False)
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), on_delete=models.CASCADE, related_name="quiz_rounds"
    )
    created = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    score = models.PositiveSmallIntegerField(
        _("score"), null=True, blank=True, help_text=_("Right answers, once all are given.")
    )

    def __str__(self) -> str:
        return self.token


class QuizQuestion(models.Model):
    """A picture of a round: a generated one by its recipe, or a photograph by its place in the pool."""

    round = models.ForeignKey(
        QuizRound,
        verbose_name=_("quiz round"),
        on_delete=models.CASCADE,
        related_name="questions",
        db_index=False,
    )
    number = models.PositiveSmallIntegerField(_("number"))
    is_generated = models.BooleanField(_("generated"))
    cluster = models.PositiveSmallIntegerField(_("family"), null=True, blank=True)
    seed = models.BigIntegerField(_("seed"), null=True, blank=True)
    photo = models.PositiveIntegerField(_("photograph"), null=True, blank=True)
    said_generated = models.BooleanField(_("taken for generated"), null=True, blank=True)

    class Meta:
        ordering = ["round", "number"]
        constraints = [
            models.UniqueConstraint(fields=["round", "number"], name="one_question_per_round_and_number"),
            models.CheckConstraint(
                condition=Q(is_generated=True, cluster__isnull=False, seed__isnull=False, photo=None)
                | Q(is_generated=False, cluster=None, seed=None, photo__isnull=False),
                name="quiz_question_generated_or_photo",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round_id}/{self.number}"

    @property
    def is_right(self) -> bool:
        """Whether the answer is."""
        return self.said_generated == self.is_generated
