"""What the pages about model versions show of each."""

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
from galaxies.registry.versions import Approval
from galaxies.serving import service

SHOWN = ("kid", "fid")
COMPARED = (
    *("kid", "fid", "two_sample", "precision", "density", "recall", "coverage"),
    *("cluster_fidelity", "memorisation", "near_duplicates"),
)


@dataclass(frozen=True)
class Card:
    """A version as the list shows it. figures: empty if it was not measured; empty: it has painted no galaxy."""

    version: ModelVersion
    trained: datetime | None
    approval: Approval
    figures: tuple[Figure, ...]
    measuring: Measuring
    serving: bool
    empty: bool


@dataclass(frozen=True)
class Row:
    """One number of two versions; None for one that does not have it."""

    title: str
    sentence: str
    figures: tuple[Figure | None, Figure | None]


def cards() -> list[Card]:
    """All versions: the active one first, archived ones last, the newest before the older."""
    galaxies = Galaxy.objects.filter(model_version=OuterRef("pk")).order_by()
    found = ModelVersion.objects.annotate(used=Exists(galaxies)).order_by("-is_active", "archived", "-registered")
    approvals, orders = versions.approvals(), measurement.orders()
    return [
        Card(
            version=version,
            trained=_trained(version),
            approval=approvals.get(version.pk, Approval()),
            figures=tuple(model_page.figures(version.metrics or {}, SHOWN).values()),
            measuring=orders.get(version.version, Measuring()),
            serving=version.version == service().version,
            empty=not version.used,
        )
        for version in found
    ]


def rows(a: ModelVersion, b: ModelVersion) -> list[Row]:
    """The numbers of two versions, side by side."""
    sides = [model_page.figures(version.metrics or {}, COMPARED) for version in (a, b)]
    return [_row(name, *sides) for name in COMPARED if any(name in side for side in sides)]


def _row(name: str, a: Mapping[str, Figure], b: Mapping[str, Figure]) -> Row:
    known = a.get(name) or b[name]
    return Row(known.title, known.sentence, (a.get(name), b.get(name)))


def same_judge(compared: list[Row]) -> bool | None:
    """Whether all numbers of both were measured alike, so that they compare as numbers; None if none is of both."""
    both = [(a, b) for a, b in (row.figures for row in compared) if a and b]
    return all(_judge(a) == _judge(b) for a, b in both) if both else None


def _judge(figure: Figure) -> tuple[str, str, int]:
    return figure.extractor, dict(figure.conditions).get("Version", ""), figure.n_real


def _trained(version: ModelVersion) -> datetime | None:
    try:
        return parse_datetime(version.trained)
    except ValueError:
        return None
