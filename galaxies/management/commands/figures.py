"""Draw a model's families beside real ones, and its training: manage.py figures VERSION --images FOLDER.

FOLDER/family-0.webp ...   held-out real galaxies on the left, those of seeds 0, 1, 2 ... on the right
FOLDER/kid.svg             KID against the images that the adversarial phase had seen
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings as site
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string
from PIL import Image

from galaxies.ml.bundle import BundleError, load_bundle
from galaxies.ml.data.dataset import DatasetError
from galaxies.ml.training_log import read_log
from galaxies.recipe import DEFAULT_PSI, MAX_PSI, MIN_PSI
from galaxies.registry import versions
from galaxies.training import folders

WIDTH, HEIGHT = 640, 240  # of the curve
SIDE = 5  # galaxies along a half of a sheet
GAP = 16  # px between the halves


class Command(BaseCommand):
    help = "Draw a sheet for each family, real galaxies beside generated ones, and the curve of KID."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", nargs="?", help="model version; the active one if none is given")
        parser.add_argument("--images", type=Path, help="the real images; those of the training if none are given")
        parser.add_argument("--psi", type=float, default=DEFAULT_PSI, help="variety of the generated ones")
        parser.add_argument("--out", type=Path, help="where to write; a folder in the data folder if none is given")

    def handle(self, *args: Any, **options: Any) -> None:
        if not MIN_PSI <= options["psi"] <= MAX_PSI:  # NaN lies nowhere
            raise CommandError(f"--psi {options['psi']} does not lie between {MIN_PSI} and {MAX_PSI}.")
        try:
            self.draw(options)
        except (BundleError, DatasetError, versions.VersionError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            what = error.filename or "A figure"
            raise CommandError(
                f"{what} cannot be read or written ({error.strerror or error}): make room, or choose another --out."
            ) from error

    def draw(self, options: dict[str, Any]) -> None:
        """Write all figures. Raises: BundleError, DatasetError, VersionError, OSError."""
        bundle = load_bundle(versions.find(options["version"]).path)
        folder: Path = options["out"] or site.DATA_DIR / "figures" / bundle.version
        folder.mkdir(parents=True, exist_ok=True)
        data = folders.images_for(bundle, options["images"])
        held_out = data.images[np.flatnonzero(data.held_out)]
        clusters = bundle.assign(bundle.features(held_out))
        seeds = list(range(SIDE * SIDE))
        for family in bundle.families:
            path = folder / f"family-{family.id}.webp"
            generated = bundle.sample([family.id] * len(seeds), seeds, options["psi"])
            write_pair(path, held_out[clusters == family.id][: len(seeds)], generated)
            self.stdout.write(f"{path}: {family.name}, real | generated")
        points = kid_points(bundle.path / "training.csv")
        if len(points) > 1:
            (folder / "kid.svg").write_text(render_to_string("kid.svg", curve(points)))
            self.stdout.write(f"{folder / 'kid.svg'}: KID, {len(points)} times measured")


def write_pair(path: Path, left: Any, right: Any) -> None:
    """Write two squares of galaxies beside each other as one picture; places without a galaxy stay black."""
    halves = []
    for images in (left, right):
        page = np.zeros((SIDE * SIDE, *right.shape[1:]), np.uint8)
        page[: len(images)] = images
        edge = SIDE * right.shape[1]
        rows = page.reshape(SIDE, SIDE, *right.shape[1:]).transpose(0, 2, 1, 3, 4)
        halves += [rows.reshape(edge, edge, 3), np.full((edge, GAP, 3), 40, np.uint8)]
    Image.fromarray(np.concatenate(halves[:3], axis=1)).save(path, quality=85)


def kid_points(path: Path) -> list[tuple[int, float]]:
    """Return images seen and KID wherever training measured it, from a bundle's training.csv."""
    return [(line.images, line.losses["kid"]) for line in read_log(path) if "kid" in line.losses]


def curve(points: list[tuple[int, float]]) -> dict[str, Any]:
    """Return the context of kid.svg: both axes begin at 0."""
    most, worst = max(images for images, _ in points), max(max(kid for _, kid in points), 1e-9)
    places = [(WIDTH * images / most, HEIGHT * (1 - max(kid, 0.0) / worst)) for images, kid in points]
    return {
        "places": [(round(x, 1), round(y, 1)) for x, y in places],
        "width": WIDTH,
        "height": HEIGHT,
        "most": most,
        "worst": worst,
        "last": points[-1][1],
    }
