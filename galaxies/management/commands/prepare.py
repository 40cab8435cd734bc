"""Prepare an installed site for serving: manage.py prepare. Safe to run again."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command

from galaxies.ml.bundle import BundleError
from galaxies.registry import registration
from nebulai.locks import alone


class Command(BaseCommand):
    help = "Migrate, make the cache table, collect static files, register the bundles of the models store."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        with alone():
            call_command("createcachetable", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            try:
                for line in registration.register_store():
                    self.stdout.write(line)
            except BundleError as error:
                raise CommandError(str(error)) from error
        if not get_user_model().objects.filter(is_staff=True).exists():
            self.stdout.write("There is no staff user yet: make one with .venv/bin/python manage.py createsuperuser")
