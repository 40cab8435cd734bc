"""Zips written while they are sent: nothing is stored, and no more than one file is in memory."""

import csv
import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from django.utils import timezone

from galaxies.generation import image_file
from galaxies.ml.bundle import BundleError
from galaxies.ml.measures import FLAGS, UNITS
from galaxies.models import Galaxy, measures_of
from galaxies.recipe import pairs_as_text
from galaxies.serving import Busy

PATIENCE_SECONDS = 60.0  # that one archive waits for a busy generator, all its files together

RECIPE = ["version", "cluster", "seed", "psi", "cluster2", "seed2", "mix", "path", "shares", "steer"]
COLUMNS = ["id", "family", *RECIPE, "bundle", "created", *UNITS, *FLAGS]

Files = Iterable[tuple[str, bytes]]


def zip_stream(files: Files) -> Iterator[bytes]:
    """Yield the bytes of a zip of (name, content) pairs, piece by piece."""
    outbox = _Outbox()
    now = timezone.now().timetuple()[:6]
    with ZipFile(outbox, "w") as archive:  # type: ignore[call-overload]  # it needs no more than write and flush
        for name, content in files:
            info = ZipInfo(name, now)
            info.external_attr = 0o644 << 16
            images = name.endswith((".webp", ".png"))  # compressed as they are
            archive.writestr(info, content, ZIP_STORED if images else ZIP_DEFLATED)
            yield outbox.take()
    yield outbox.take()


class _Outbox:
    """A file for ZipFile to write into. It has no seek, so ZipFile never goes back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def archive_files(galaxies: Iterable[Galaxy], kind: str) -> Iterator[tuple[str, bytes]]:
    """Yield the galaxies as "webp", "png" or "fits" files, then recipes.csv with the recipe of each.

    A file that cannot be sampled now is left out, and its line in recipes.csv names none.
    """
    sheet = io.StringIO()
    lines = csv.DictWriter(sheet, ["file", *COLUMNS])
    lines.writeheader()
    for galaxy, content in image_files(galaxies, kind):
        name = f"nebulai-{galaxy.public_id}.{kind}" if content else ""
        lines.writerow({"file": name, **recipe_facts(galaxy)})
        if content:
            yield name, content
    yield "recipes.csv", sheet.getvalue().encode()


def image_files(galaxies: Iterable[Galaxy], kind: str) -> Iterator[tuple[Galaxy, bytes | None]]:
    """Yield each galaxy with its file, or with None if that needs a generator that cannot answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    for galaxy in galaxies:
        yield galaxy, _patiently(galaxy, kind, deadline)


def _patiently(galaxy: Galaxy, kind: str, deadline: float) -> bytes | None:
    while True:
        try:
            return image_file(galaxy, kind)
        except BundleError:
            return None
        except Busy as busy:
            if time.monotonic() + busy.retry_after > deadline:
                return None
            time.sleep(busy.retry_after)


def recipe_facts(galaxy: Galaxy) -> dict[str, Any]:
    """Return the COLUMNS of a galaxy: its recipe, its measures once it has them, and nothing about people."""
    recipe = galaxy.recipe
    return {
        "id": galaxy.public_id,
        "family": galaxy.model_version.family(galaxy.cluster)["name"],
        **asdict(recipe),
        "path": pairs_as_text(recipe.path),
        "shares": pairs_as_text(recipe.shares),
        "steer": pairs_as_text(recipe.steer.items()),
        "bundle": galaxy.model_version.checksum,
        "created": galaxy.created.isoformat(timespec="seconds"),
        **measures_of(galaxy),
    }
