"""Import a model from another site: manage.py import_bundle FILE.zip [--activate]."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.ml.bundle import BundleError
from galaxies.registry import versions
from galaxies.registry.transfer import import_bundle


class Command(BaseCommand):
    help = "Unpack, check and register a bundle that export_bundle wrote."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the zip file")
        parser.add_argument("--activate", action="store_true", help="let the site use the model at once")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = import_bundle(options["file"])
            if options["activate"]:
                versions.activate(version)
        except BundleError as error:
            raise CommandError(str(error)) from error
        state = "active" if version.is_active else f"registered; use it with manage.py activate {version}"
        self.stdout.write(f"Model version {version} is {state}.")
