#!/usr/bin/env python
"""NebulAI's command line: `python manage.py help` lists the commands."""

import io
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    """Run the command that was asked for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a file's name that is no UTF-8 is said as it is
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nebulai.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # A wrong environment is the operator's to mend: a sentence helps, a traceback does not.
        sys.exit(f"NebulAI cannot start: {error}")


if __name__ == "__main__":
    main()
