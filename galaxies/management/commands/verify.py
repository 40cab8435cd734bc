"""Check that the site can start: manage.py verify. Loads no TensorFlow, so it takes a second."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from galaxies.ml.bundle import BundleError
from galaxies.registry import registration


class Command(BaseCommand):
    help = "Check the settings and the checksums of the active bundle."
    requires_system_checks = "__all__"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            active = registration.verify_active()
        except BundleError as error:
            raise CommandError(str(error)) from error
        if active is None:
            self.stdout.write("No model version is active yet: make one with .venv/bin/python manage.py train")
