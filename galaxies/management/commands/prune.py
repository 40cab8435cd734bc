"""Take away what nobody needs any more: manage.py prune [--days N] [--dry-run]."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.pruning import prune

DAYS = 90
MOST_DAYS = 36_500


def days(text: str) -> int:
    """Read a number of days."""
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DAYS):
        raise ArgumentTypeError(f"{text} is no number of days from 0 to {MOST_DAYS}.")
    return int(text)


class Command(BaseCommand):
    help = "Delete visitors' galaxies that nobody voted for, files without rows, and sessions that have expired."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=days, default=DAYS, help=f"age of a visitor's galaxy; {DAYS} if not given")
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        dry = options["dry_run"]
        try:
            found = prune(options["days"], dry_run=dry)
        except OSError as error:
            raise CommandError(
                f"The images cannot be read ({error.strerror or error}): mend that and try again."
            ) from error
        verb = "would go" if dry else "gone"
        self.stdout.write(f"Unvoted galaxies of visitors, beyond --days {options['days']}: {found.galaxies:,} {verb}")
        self.stdout.write(f"Files without a row: {found.files:,} {verb}")
        self.stdout.write(f"Expired sessions: {found.sessions:,} {verb}")
        if found.lost:
            self.stdout.write(f"Images without their file: {found.lost - found.beyond:,}, painted again when asked for")
        if found.beyond:
            self.stdout.write(
                f"Images without file and model: {found.beyond:,}; bring the model back (manage.py models, restore)"
            )
