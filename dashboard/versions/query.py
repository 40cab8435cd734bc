"""What the pages about model versions show of each version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils.dateparse import parse_datetime

from galaxies import model_page
from galaxies.model_page import Figure
from galaxies.models import Galaxy, ModelVersion
from galaxies.registry import measurement, versions
from galaxies.registry.measurement import Measuring
from galaxies.registry.versions import VersionTotals
from galaxies.serving import service

SHOWN = ("kid", "fid")
COMPARED = (
    *("kid", "fid", "two_sample", "precision", "density", "recall", "coverage"),
    *("cluster_fidelity", "memorisation", "near_duplicates"),
)


@dataclass(frozen=True, kw_only=True)
class Card:
    """A version in the list. figures: () if it was not measured; serving: this process generates with it;
    empty: it has no galaxies.
    """

    version: ModelVersion
    trained: datetime | None
    totals: VersionTotals
    figures: tuple[Figure, ...]
    measuring: Measuring
    serving: bool
    empty: bool


@dataclass(frozen=True)
class Row:
    """One metric of two versions; None for a version that was not measured for it."""

    title: str
    sentence: str
    figures: tuple[Figure | None, Figure | None]


def cards() -> list[Card]:
    """Return all versions: the active one first, archived ones last, newer before older ones."""
    galaxies = Galaxy.objects.filter(model_version=OuterRef("pk")).order_by()
    found = ModelVersion.objects.annotate(used=Exists(galaxies)).order_by("-is_active", "archived", "-registered")
    totals, orders = versions.totals(), measurement.orders()
    return [
        Card(
            version=version,
            trained=_trained(version),
            totals=totals.get(version.pk, VersionTotals()),
            figures=tuple(model_page.figures(version.metrics or {}, SHOWN).values()),
            measuring=orders.get(version.version, Measuring()),
            serving=version.version == service().version,
            empty=not version.used,
        )
        for version in found
    ]


def rows(a: ModelVersion, b: ModelVersion) -> list[Row]:
    """Return the metrics of two versions side by side, those that at least one of them has."""
    sides = [model_page.figures(version.metrics or {}, COMPARED) for version in (a, b)]
    return [_row(name, *sides) for name in COMPARED if any(name in side for side in sides)]


def _row(name: str, a: Mapping[str, Figure], b: Mapping[str, Figure]) -> Row:
    known = a.get(name) or b[name]
    return Row(known.title, known.sentence, (a.get(name), b.get(name)))


def same_extractor(compared: list[Row]) -> bool | None:
    """Tell whether all metrics of both versions were measured alike, so that their numbers compare directly.

    Returns: None if no metric was measured for both.
    """
    both = [(a, b) for a, b in (row.figures for row in compared) if a and b]
    return all(_conditions(a) == _conditions(b) for a, b in both) if both else None


def _conditions(figure: Figure) -> tuple[str, str, int]:
    return figure.extractor, dict(figure.conditions).get("Version", ""), figure.n_real


def _trained(version: ModelVersion) -> datetime | None:
    try:
        return parse_datetime(version.trained)
    except ValueError:
        return None
