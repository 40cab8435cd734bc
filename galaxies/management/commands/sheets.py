"""Look at a model: manage.py sheets VERSION --images FOLDER writes, for each family, real galaxies beside generated."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings as site
from django.core.management.base import BaseCommand, CommandError
from PIL import Image

from galaxies import runs
from galaxies.ml.bundle import BundleError, load_bundle
from galaxies.ml.dataset import DatasetError
from galaxies.models import DEFAULT_PSI, ModelVersion

SIDE = 5  # galaxies along a half of a sheet
GAP = 16  # px between the halves


class Command(BaseCommand):
    help = "Write a sheet for each family: held-out real galaxies on the left, generated ones on the right."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", nargs="?", help="model version; the active one if none is given")
        parser.add_argument("--images", type=Path, help="the real images; those of the training if none are given")
        parser.add_argument("--psi", type=float, default=DEFAULT_PSI, help="variety of the generated ones")
        parser.add_argument("--out", type=Path, help="folder for the sheets; one in the data folder if none is given")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["version"]
        version = ModelVersion.objects.filter(version=name).first() if name else ModelVersion.active()
        if version is None:
            raise CommandError(f"There is no model version {name}." if name else "No model version is active.")
        try:
            bundle = load_bundle(version.path)
            data = runs.images_for(bundle.version, bundle.resolution, options["images"])
        except (BundleError, DatasetError) as error:
            raise CommandError(str(error)) from error
        folder: Path = options["out"] or site.DATA_DIR / "sheets" / bundle.version
        folder.mkdir(parents=True, exist_ok=True)
        held_out = data.images[np.flatnonzero(data.held_out)]
        clusters = bundle.assign(bundle.features(held_out))
        seeds = list(range(SIDE * SIDE))
        for family in bundle.families:
            path = folder / f"family-{family.id}.webp"
            generated = bundle.sample([family.id] * len(seeds), seeds, options["psi"])
            write_pair(path, held_out[clusters == family.id][: len(seeds)], generated)
            self.stdout.write(f"{path}: {family.name}, real | generated")


def write_pair(path: Path, left: Any, right: Any) -> None:
    """Two squares of galaxies beside each other, as one picture; places without a galaxy stay black."""
    halves = []
    for images in (left, right):
        page = np.zeros((SIDE * SIDE, *right.shape[1:]), np.uint8)
        page[: len(images)] = images
        edge = SIDE * right.shape[1]
        rows = page.reshape(SIDE, SIDE, *right.shape[1:]).transpose(0, 2, 1, 3, 4)
        halves += [rows.reshape(edge, edge, 3), np.full((edge, GAP, 3), 40, np.uint8)]
    Image.fromarray(np.concatenate(halves[:3], axis=1)).save(path, quality=85)
