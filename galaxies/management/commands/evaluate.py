"""Measure a model.

manage.py evaluate [VERSION] [--images FOLDER] [--samples 10000] [--extractor imagenet|encoder|inception]
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.core.management.base import BaseCommand, CommandError

from galaxies.management.terminal import CountBars
from galaxies.ml.bundle import BundleError, load_bundle
from galaxies.ml.data.dataset import DatasetError
from galaxies.ml.evaluation import EvaluationError, Settings
from galaxies.ml.evaluation.extractors import Extractor, imagenet, inception, usable
from galaxies.ml.evaluation.of_bundle import evaluate_bundle, summary, write_metrics
from galaxies.registry import versions
from galaxies.registry.registration import remember_metrics
from galaxies.training import folders


class Command(BaseCommand):
    help = "Measure FID, KID and what lies beside them on held-out images, and keep the numbers in the bundle."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("version", nargs="?", help="model version; the active one if none is given")
        parser.add_argument("--images", type=Path, help="the real images; those of the training if none are given")
        parser.add_argument("--samples", type=int, default=10_000, help="how many galaxies are generated")
        parser.add_argument("--extractor", choices=("imagenet", "encoder", "inception"), default="imagenet")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        bars = CountBars()
        try:
            version = versions.find(options["version"])
            bundle = load_bundle(version.path)
            data = folders.images_for(bundle, options["images"])
            extractor = self.extractor(options["extractor"], bundle.resolution)
            settings = Settings(samples=options["samples"], seed=options["seed"])
            metrics = evaluate_bundle(bundle, data, settings, extractor, report=bars)
            write_metrics(bundle.path, metrics)
        except (BundleError, DatasetError, EvaluationError, versions.VersionError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            what = error.filename or "A file"
            raise CommandError(
                f"{what} cannot be read or written ({error.strerror or error}): mend that and run this again."
            ) from error
        finally:
            bars.close()
        remember_metrics(version)
        if not metrics["same_images"]:
            self.stderr.write(f"These images are not those that {version} was trained beside.")
        self.stdout.write(summary(metrics))

    def extractor(self, name: str, side: int) -> Extractor | None:
        """Return what compares beside the bundle's encoder; None, with a sentence, where it cannot."""
        make = {"imagenet": imagenet, "inception": lambda: inception(_path(site.INCEPTION_WEIGHTS))}
        return usable(make[name], side, self.stderr.write) if name in make else None


def _path(name: str) -> Path | None:
    return Path(name) if name else None
