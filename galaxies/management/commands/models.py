"""List the model versions: manage.py models."""

from typing import Any

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from galaxies.charts import kid_in_a_line
from galaxies.models import ModelVersion
from galaxies.registry import versions
from galaxies.registry.versions import VersionTotals

NAMES = 2  # columns of words, which stand on the left
HEADER = ("version", "", "k", "px", "size", "KID (real, repeated; extractor)", "galaxies")


class Command(BaseCommand):
    help = "List the model versions that the site knows, the newest first."

    def handle(self, *args: Any, **options: Any) -> None:
        totals = versions.totals()
        found = ModelVersion.objects.order_by("-registered")
        rows = [HEADER, *(_row(version, totals.get(version.pk, VersionTotals())) for version in found)]
        if len(rows) == 1:
            self.stdout.write("There is none yet: make one with manage.py train, or bring one in with import_bundle.")
            return
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
        for row in rows:
            words = [text.ljust(width) for text, width in zip(row[:NAMES], widths, strict=False)]
            numbers = [text.rjust(width) for text, width in zip(row[NAMES:], widths[NAMES:], strict=True)]
            self.stdout.write("  ".join(words + numbers).rstrip())


def _row(version: ModelVersion, totals: VersionTotals) -> tuple[str, ...]:
    return (
        version.version,
        "active" if version.is_active else "archived" if version.archived else "",
        str(version.n_clusters),
        str(version.resolution),
        filesizeformat(version.size).replace("\xa0", " "),
        kid_in_a_line(version.metrics),
        f"{totals.galaxies:,}",
    )
