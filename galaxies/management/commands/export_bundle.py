"""Write a model as a zip for another site: manage.py export_bundle VERSION [FILE.zip]."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.ml.bundle import BundleError
from galaxies.registry import versions
from galaxies.registry.transfer import export_bundle
from galaxies.registry.versions import VersionError


class Command(BaseCommand):
    help = "Write a bundle as a zip that import_bundle reads; its checksums are verified first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", help="as manage.py models lists it")
        parser.add_argument("file", type=Path, nargs="?", help="VERSION.zip in this folder if none is given")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = versions.find(options["version"])
            file = export_bundle(version, options["file"] or Path(f"{version}.zip"))
        except (BundleError, VersionError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{file} holds model version {version}; import it elsewhere with manage.py import_bundle.")
