"""Preferences: the model of what people like that is in use, and the order to learn a new one."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from dashboard.staff import record, staff_only
from galaxies import learning
from galaxies.models import ModelVersion, PreferenceModel, Vote
from galaxies.preferences import LEAST_AUC, LEAST_VOTES, PICK_FROM, standing
from galaxies.views.http import HtmxHttpRequest, person_of

STOP_POLLING = 286
EARLIER = 10  # models in the list


@dataclass(frozen=True)
class Learned:
    """A preference model, the versions with its encoder, and whether it is the one in use."""

    model: PreferenceModel
    versions: list[ModelVersion]
    counts: bool

    @property
    def at(self) -> float:
        """The place of its AUC between 0.5 and 1, in percent."""
        return min(100.0, max(0.0, 200 * (self.model.auc - 0.5)))


@require_safe
@staff_only
@vary_on_headers("HX-Request")
def preferences(request: HtmxHttpRequest) -> HttpResponse:
    """Show the page; to htmx, its panel, with code 286 when there is nothing more to wait for."""
    context = panel()
    if not request.htmx:
        return render(request, "dashboard/preferences.html", context)
    status = 200 if context["learning"].busy else STOP_POLLING
    return render(request, "dashboard/_preferences.html", context, status=status)


@require_POST
@staff_only
def learn_preferences(request: HttpRequest) -> HttpResponse:
    """Order the worker to learn from the votes."""
    person, active = person_of(request), ModelVersion.active()
    if person is None or active is None:
        messages.error(request, _("No model version is active: activate one first."))
    elif learning.order():
        record(person, active, f"Asked to learn preferences from {Vote.objects.count():,} votes.")
    else:
        messages.info(request, _("It is being learned already."))
    return redirect("dashboard:preferences")


def panel() -> dict[str, Any]:
    """Return the context of templates/dashboard/_preferences.html."""
    active = ModelVersion.active()
    current = standing(active)
    by_encoder: dict[str, list[ModelVersion]] = {}
    for version in ModelVersion.objects.exclude(encoder_checksum="").defer("families", "metrics"):
        by_encoder.setdefault(version.encoder_checksum, []).append(version)
    newest = PreferenceModel.objects.defer("coefficients")[:EARLIER]
    learned = [Learned(each, by_encoder.get(each.encoder_checksum, []), each == current) for each in newest]
    votes = Vote.objects.count()
    return {
        "active": active,
        "standing": current and Learned(current, by_encoder[current.encoder_checksum], True),
        "earlier": learned,
        "learning": learning.state(),
        "votes": votes,
        "missing": max(0, LEAST_VOTES - votes),
        "least_votes": LEAST_VOTES,
        "least_auc": LEAST_AUC,
        "pick_from": PICK_FROM,
    }
