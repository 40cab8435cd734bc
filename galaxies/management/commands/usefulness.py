"""See whether generated galaxies help to learn: manage.py usefulness VERSION --images FOLDER."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies.management.terminal import CountBars
from galaxies.ml.bundle import BundleError, load_bundle
from galaxies.ml.data.dataset import DatasetError
from galaxies.ml.evaluation import EvaluationError
from galaxies.ml.evaluation.of_bundle import add_learned_from
from galaxies.ml.evaluation.usefulness import Lessons, learn_from, table
from galaxies.registry import versions
from galaxies.registry.registration import remember_metrics
from galaxies.training import folders


class Command(BaseCommand):
    help = "Train a small classifier on real galaxies, on generated ones and on both; test it on held-out real ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = Lessons()
        parser.add_argument("version", nargs="?", help="model version; the active one if none is given")
        parser.add_argument("--images", type=Path, help="real images with labels; those of the training if none")
        parser.add_argument("--seeds", type=int, default=default.seeds, help="classifiers of each kind")
        parser.add_argument("--steps", type=int, default=default.steps, help="batches that each of them sees")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["seeds"] < 1 or options["steps"] < 1:
            raise CommandError("Give --seeds and --steps 1 or more.")
        bars = CountBars()
        try:
            version = versions.find(options["version"])
            bundle = load_bundle(version.path)
            data = folders.images_for(bundle, options["images"])
            learned = learn_from(bundle, data, Lessons(seeds=options["seeds"], steps=options["steps"]), bars)
            add_learned_from(version.path, learned)
        except (BundleError, DatasetError, EvaluationError, versions.VersionError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            what = error.filename or "A file"
            raise CommandError(f"{what} cannot be read or written ({error.strerror or error}): mend that.") from error
        finally:
            bars.close()
        remember_metrics(version)
        self.stdout.write(table(learned))
