"""Find how a model's galaxies are steered, and keep that in its bundle: manage.py find_directions VERSION."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.management.terminal import CountBars
from galaxies.ml.bundle import BundleError, load_bundle
from galaxies.ml.steering import Sampling, SteeringError, add_directions, find_directions, summary
from galaxies.registry import versions
from galaxies.registry.registration import register_bundle

MOST = 1_000_000  # galaxies: their values are held in memory


class Command(BaseCommand):
    help = (
        "Paint and measure galaxies, find the directions along which their values change, and add them to the bundle."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = Sampling()
        parser.add_argument("version", nargs="?", help="model version; the active one if none is given")
        parser.add_argument("--samples", type=int, default=default.samples, help="galaxies for the regression")
        parser.add_argument(
            "--checks", type=int, default=default.checks, help="new galaxies that each value is tried on"
        )
        parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes that measure")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (0 < options["samples"] <= MOST and 0 <= options["checks"] <= MOST and options["workers"] > 0):
            raise CommandError(f"Give --samples from 1 and --checks from 0 to {MOST}, and --workers 1 or more.")
        bars = CountBars()
        try:
            version = versions.find(options["version"])
            bundle = load_bundle(version.path)
            if bundle.directions:
                raise SteeringError(
                    f"{version} has directions already; other ones would change the galaxies they made."
                )
            asked = {name: options[name] for name in ("samples", "checks", "workers")}
            directions, vectors = find_directions(bundle, Sampling(**asked), bars)
            add_directions(version.path, directions, vectors)
            register_bundle(version.path)
        except (BundleError, SteeringError, versions.VersionError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The directions cannot be written ({error.strerror or error}): make room.") from error
        finally:
            bars.close()
        self.stdout.write(summary(directions))
