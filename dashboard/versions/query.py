"""What the pages about model versions show of each version."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from galaxies import model_page
from galaxies.extractors import by_extractor, in_words, rank
from galaxies.model_page import Figure
from galaxies.models import Galaxy, ModelVersion
from galaxies.quiz.rounds import ByEye, taken_by_version
from galaxies.registry import measurement, versions
from galaxies.registry.measurement import Measuring
from galaxies.registry.versions import VersionTotals
from galaxies.serving import service

SHOWN = ("kid", "fid")
BY_EXTRACTOR = ("kid", "fid", "two_sample", "precision", "density", "recall", "coverage")
COMPARED = ("usefulness", "cluster_fidelity", "memorisation", "near_duplicates")


@dataclass(frozen=True, kw_only=True)
class Card:
    """A version in the list. figures: () if it was not measured; serving: this process generates with it;
    empty: it has no galaxies; by_eye: what the quiz says of its galaxies.
    """

    version: ModelVersion
    trained: datetime | None
    totals: VersionTotals
    figures: tuple[Figure, ...]
    measuring: Measuring
    serving: bool
    empty: bool
    by_eye: ByEye


@dataclass(frozen=True)
class Row:
    """One metric of two versions; None for a version that was not measured for it."""

    title: str
    sentence: str
    figures: tuple[Figure | None, Figure | None]


def cards() -> list[Card]:
    """Return all versions: the active one first, archived ones last, newer before older ones."""
    galaxies = Galaxy.objects.filter(model_version=OuterRef("pk")).order_by()
    ordered = ModelVersion.objects.annotate(used=Exists(galaxies)).order_by("-is_active", "archived", "-registered")
    found = list(ordered)
    totals, orders, by_eye = versions.totals(), measurement.orders(), taken_by_version(found)
    return [
        Card(
            version=version,
            trained=_trained(version),
            totals=totals.get(version.pk, VersionTotals()),
            figures=tuple(model_page.figures(version.metrics or {}, SHOWN).values()),
            measuring=orders.get(version.version, Measuring()),
            serving=version.version == service().version,
            empty=not version.used,
            by_eye=by_eye[version.pk],
        )
        for version in found
    ]


def rows(a: ModelVersion, b: ModelVersion) -> list[Row]:
    """Return the metrics of two versions side by side, those that at least one of them has.

    Each row is of one extractor; those of the headline come first, and later ones name theirs.
    """
    metrics = [version.metrics or {} for version in (a, b)]
    measured = [by_extractor(each) for each in metrics]
    found: list[Row] = []
    for extractor in sorted({name for each in measured for name in each}, key=rank):
        sides = [model_page.figures(each.get(extractor, {}), BY_EXTRACTOR) for each in measured]
        words = next(in_words(each[extractor]["kid"]) for each in measured if extractor in each)
        found += [
            _row(name, sides, _("By %(extractor)s.") % {"extractor": words})
            for name in BY_EXTRACTOR
            if any(name in side for side in sides)
        ]
    sides = [model_page.figures(each, COMPARED) for each in metrics]
    return found + [_row(name, sides) for name in COMPARED if any(name in side for side in sides)]


def _row(name: str, sides: list[dict[str, Figure]], by: str = "") -> Row:
    a, b = (side.get(name) for side in sides)
    known = next(figure for figure in (a, b) if figure)
    return Row(known.title, f"{known.sentence} {by}".strip(), (a, b))


def same_extractor(compared: list[Row]) -> bool | None:
    """Tell whether the headline's metrics of both versions were measured alike, so that they compare directly.

    Each model's own encoder is another extractor: what only that measured of both compares by its place alone.
    Returns: None if no metric was measured for both.
    """
    both = [(a, b) for a, b in (row.figures for row in compared) if a and b]
    first = [(a, b) for a, b in both if a.extractor == both[0][0].extractor]
    return all(_conditions(a) == _conditions(b) for a, b in first) if both else None


def _conditions(figure: Figure) -> tuple[str, str, int]:
    return figure.extractor, dict(figure.conditions).get(_("Version"), ""), figure.n_real


def _trained(version: ModelVersion) -> datetime | None:
    try:
        return parse_datetime(version.trained)
    except ValueError:
        return None
