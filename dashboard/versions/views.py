"""Model versions: the list, the comparison of two, and what staff do with them."""

import logging
from collections.abc import Callable

import numpy as np
from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from dashboard.staff import permitted, record, staff_only
from dashboard.versions import query
from galaxies import images
from galaxies.family_words import in_words
from galaxies.ml.bundle import BundleError
from galaxies.models import ModelVersion
from galaxies.recipe import DEFAULT_PSI, MAX_SEED, Recipe
from galaxies.registry import measurement, versions
from galaxies.registry.family_matching import match_families
from galaxies.registry.versions import VersionError
from galaxies.serving import service
from galaxies.views.http import YEAR, HtmxHttpRequest, busy_is_503, person_of

logger = logging.getLogger(__name__)

SEEDS = 6  # of a strip
CHANGE_VERSIONS, DELETE_VERSIONS = "galaxies.change_modelversion", "galaxies.delete_modelversion"


@require_safe
@staff_only
def models(request: HttpRequest) -> HttpResponse:
    """Show all versions, and buttons for what can be done with them."""
    cards = query.cards()
    active = next((card.version for card in cards if card.version.is_active), None)
    context = {
        "cards": cards,
        "active": active,
        "previous": versions.previous(),
        "serving": versions.serving_sentence(active),
        "refused": service().refused,
    }
    return render(request, "dashboard/models.html", context)


@require_safe
@staff_only
@vary_on_headers("HX-Request")
@busy_is_503
def compare(request: HtmxHttpRequest) -> HttpResponse:
    """Show two versions side by side; to htmx, what both generate from the same seeds, which may take some seconds."""
    names = [request.GET.get(side, "") for side in "ab"]
    a, b = (ModelVersion.objects.filter(version=name).first() for name in names)
    if a is None or b is None or a == b:
        messages.error(request, _("Choose two different versions to compare."))
        return redirect("dashboard:models")
    seed = _seed(request.GET.get("seed", "0"))
    rows, matched = query.rows(a, b), match_families(a, b)
    show_samples = request.htmx or "paint" in request.GET
    context = {
        "sides": (a, b),
        "versions": ModelVersion.objects.order_by("archived", "-registered"),
        "rows": rows,
        "same_extractor": query.same_extractor(rows),
        "matched": matched,
        "pairs": [
            (pair.shared, ((a, pair.a and in_words(pair.a)), (b, pair.b and in_words(pair.b))))
            for pair in matched.pairs
        ],
        "seed": seed,
        "last_seed": seed + SEEDS - 1,
        "next_seed": seed + SEEDS if seed + 2 * SEEDS <= MAX_SEED else 0,
        "show_samples": show_samples,
        "refused": _load(a, b) if show_samples else "",
        "psi": DEFAULT_PSI,
    }
    return render(request, "dashboard/compare.html#seeds" if request.htmx else "dashboard/compare.html", context)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_SEED - SEEDS):
        raise Http404
    return int(text)


def _load(*wanted: ModelVersion) -> str:
    """Load versions before the page asks for their images, all at once. Returns: why one cannot be loaded, or ""."""
    try:
        for version in wanted:
            service().at_hand(version.version)
    except BundleError as error:
        logger.error("%s", error)
        return versions.sentence(error)
    return ""


@require_safe
@staff_only
@busy_is_503
def seeds(request: HttpRequest, version: str, cluster: int, seed: int) -> HttpResponse:
    """Send galaxies of one family from SEEDS consecutive seeds, side by side in one WebP."""
    found = get_object_or_404(ModelVersion, version=version)
    if cluster >= found.n_clusters or seed > MAX_SEED - SEEDS:
        raise Http404
    recipes = [Recipe(version, cluster, seed + i, DEFAULT_PSI) for i in range(SEEDS)]
    try:
        samples = service().sample_many(recipes)
    except BundleError as error:
        logger.error("%s", error)
        raise Http404 from None
    response = HttpResponse(images.webp(np.concatenate(list(samples), axis=1)), content_type="image/webp")
    patch_cache_control(response, private=True, max_age=YEAR, immutable=True)  # the page's address names the checksum
    return response


def _attempt(
    request: HttpRequest, name: str, do: Callable[[ModelVersion], str | None], *, done: str, action: int = CHANGE
) -> HttpResponse:
    """Do something with a version, show how it went, and log who did it.

    do: may return the sentence to show; done: the sentence if it does not, with "{}" for the version.
    """
    version = get_object_or_404(ModelVersion, version=name)
    try:
        said = do(version)
    except (BundleError, VersionError) as error:
        logger.warning("%s", error)
        messages.error(request, versions.sentence(error))
    else:
        if person := person_of(request):
            record(person, version, said or done.format(version), action)
        messages.success(request, said or _(done).format(version))
    return redirect("dashboard:models")


@require_POST
@permitted(CHANGE_VERSIONS)
def activate(request: HttpRequest, version: str) -> HttpResponse:
    """Activate a version; one that is far worse than the active one only after a question with both numbers."""
    found = get_object_or_404(ModelVersion, version=version)
    worse = None if request.POST.get("confirmed") else versions.far_worse(found)
    if worse:
        return render(request, "dashboard/activate.html", {"version": found, "worse": worse})
    done = gettext_noop("{} is active: every process generates new galaxies with it within seconds.")
    return _attempt(request, version, versions.activate, done=done)


@require_POST
@permitted(CHANGE_VERSIONS)
def roll_back(request: HttpRequest) -> HttpResponse:
    """Roll back. The form names the version that its page offered, so that two clicks do not lead back and forth."""
    name = request.POST.get("version", "")
    return _attempt(request, name, versions.roll_back, done=gettext_noop("Rolled back to {}, which is active again."))


@require_POST
@permitted(CHANGE_VERSIONS)
def archive(request: HttpRequest, version: str) -> HttpResponse:
    """Archive a version, or bring it back where the form says so."""
    if request.POST.get("archived") == "0":
        return _attempt(request, version, versions.bring_back, done=gettext_noop("{} is offered again."))
    done = gettext_noop("{} is archived: it is offered no more, its galaxies stay.")
    return _attempt(request, version, versions.archive, done=done)


@require_POST
@permitted(CHANGE_VERSIONS)
def measure(request: HttpRequest, version: str) -> HttpResponse:
    """Order a version to be measured."""
    return _attempt(
        request, version, measurement.order, done=gettext_noop("{} waits to be measured: manage.py db_worker does it.")
    )


@require_POST
@permitted(DELETE_VERSIONS)
def delete_version(request: HttpRequest, version: str) -> HttpResponse:
    """Delete a version that has no galaxies."""
    return _attempt(request, version, versions.delete, done=gettext_noop("{} is deleted."), action=DELETION)
