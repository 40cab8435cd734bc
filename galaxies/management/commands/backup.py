"""Back the site up while it runs: manage.py backup DIR."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from galaxies import backups
from nebulai.dumps import DumpError


class Command(BaseCommand):
    help = "Write the database, images and models into a new folder, with checksums; restore puts it back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that is not there yet")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = options["folder"].expanduser().absolute()
        try:
            found = backups.write(folder)
        except (backups.BackupError, DumpError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{folder} cannot be written ({error.strerror or error}): make room there.") from error
        size = filesizeformat(found.size).replace("\xa0", " ")
        self.stdout.write(f"{folder} holds {found.files:,} files, {size}; put it back with manage.py restore {folder}")
