"""Let new galaxies come from a model version: manage.py activate VERSION. Its files are checked first."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.ml.bundle import BundleError
from galaxies.registry import versions
from galaxies.registry.versions import VersionError


class Command(BaseCommand):
    help = "Activate a model version; every process of the site follows within seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", help="as manage.py models lists it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = versions.find(options["version"])
            worse = versions.far_worse(version)
            versions.activate(version)
        except (BundleError, VersionError) as error:
            raise CommandError(str(error)) from error
        if worse:
            self.stderr.write(
                f"It is measured far worse than {worse.active}: KID {worse.kid} instead of {worse.active_kid}, by "
                f"{worse.extractor}; manage.py activate {worse.active} goes back."
            )
        self.stdout.write(f"Model version {version} is active; every process of the site follows within seconds.")
