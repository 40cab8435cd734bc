"""Put a backup back: manage.py restore DIR."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from galaxies import backups
from nebulai.dumps import DumpError


class Command(BaseCommand):
    help = "Check a folder of manage.py backup and make it the site. What it replaces is kept in the data folder."
    requires_system_checks = ()  # some ask for tables, which may not be there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that manage.py backup wrote")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"].expanduser().absolute()
        try:
            found = backups.read(folder)
        except (backups.BackupError, DumpError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{folder} cannot be put back ({error.strerror or error}): make room.") from error
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        self.stdout.write(f"{folder} is the site now: {found.files:,} files.")
        if found.before:
            self.stdout.write(f"What it replaced is in {found.before}; delete that once all is well.")
