"""Django's migrate, of which a second one waits for the first: manage.py migrate."""

from typing import Any

from django.core.management.commands import migrate

from nebulai.locks import alone


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with alone():
            super().handle(*args, **options)
