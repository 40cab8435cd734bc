"""Fetch public training images: manage.py fetch_dataset galaxy10-decals (2.5 GB, once)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

import pooch
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from requests import RequestException

from galaxies.ml.data.dataset import GALAXY10_FILE, GALAXY10_SHA256, GALAXY10_URL

DATASETS = {"galaxy10-decals": (GALAXY10_URL, GALAXY10_SHA256, GALAXY10_FILE)}


class Command(BaseCommand):
    help = "Fetch a public data set into NEBULAI_DATA_DIR/datasets and check it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=sorted(DATASETS))

    def handle(self, *args: Any, **options: Any) -> None:
        url, checksum, file = DATASETS[options["name"]]
        try:
            path = pooch.retrieve(
                url, f"sha256:{checksum}", file, settings.DATA_DIR / "datasets", progressbar=True
            )  # fmt: skip
        except (RequestException, OSError) as error:
            raise CommandError(f"{url} cannot be fetched: check the connection and run this again.") from error
        except ValueError as error:
            raise CommandError(f"{file} arrived damaged (its checksum differs): run this again.") from error
        self.stdout.write(f"Train on it with: manage.py train --images {path}")
