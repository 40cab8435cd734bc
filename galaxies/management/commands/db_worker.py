"""Do in the background what pages ask for: manage.py db_worker, beside gunicorn.

This is django-tasks-db's command, replaced because our app comes first in INSTALLED_APPS: it runs at low priority, so
that the site stays fast, and first marks a training that was interrupted.
"""

import os
from argparse import ArgumentParser
from typing import Any

from django_tasks_db.management.commands import db_worker

from galaxies.training import life_cycle

NICENESS = 15


class Command(db_worker.Command):
    help = "Train and measure models and do whatever else pages ask for, at low priority."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(reload=False)  # a change of the code must not end a training of hours

    def handle(self, *args: Any, **options: Any) -> None:
        os.nice(NICENESS)
        if interrupted := life_cycle.recover():
            self.stdout.write(f"{interrupted} was interrupted; go on with: manage.py train --resume {interrupted}")
        super().handle(*args, **options)
