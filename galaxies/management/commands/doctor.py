"""Look at everything the site stands on: manage.py doctor. Status 1 if something is not well."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.doctor import examine


class Command(BaseCommand):
    help = "Check settings, database, cache, storage, mail, model, disk, worker and clock: a line each, and what to do."
    requires_system_checks = ()  # they are the first line

    def handle(self, *args: Any, **options: Any) -> None:
        ill = 0
        for finding in examine():
            ill += not finding.is_well
            self.stdout.write(f"{'ok ' if finding.is_well else 'BAD'} {finding.name:9} {finding.sentence}")
        if ill:
            raise CommandError(f"{ill} of these need you.")
