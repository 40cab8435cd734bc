"""Train a model: manage.py train --images FOLDER, or --synthetic 2000 --preset tiny; --resume goes on."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from galaxies import runs
from galaxies.ml.bundle import BundleError
from galaxies.ml.clusters import ClusterError
from galaxies.ml.dataset import CROP, DatasetError
from galaxies.ml.evaluation import EvaluationError
from galaxies.ml.judging import summary
from galaxies.ml.loop import Stopped, TrainingError
from galaxies.services import register_bundle, remember_metrics
from galaxies.terminal import CountBars, PhaseBars


class Command(BaseCommand):
    help = "Train encoder, K-Means, conditional GAN and x2 stages, and register the bundle."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--images", type=Path, help="folder of JPEG, PNG or WebP images, or an HDF5 file")
        source.add_argument("--synthetic", type=int, metavar="N", help="train on N drawn galaxies instead")
        source.add_argument("--resume", nargs="?", const="", metavar="RUN", help="go on with a run, the newest if none")
        parser.add_argument("--preset", choices=("tiny", "small", "standard"), default="standard")
        parser.add_argument("--resolution", type=int, help="side of the images in px, instead of the preset's")
        parser.add_argument("--crop", type=int, default=CROP, help="side of the central square that is used, in px")
        parser.add_argument("--k", type=int, help="number of families, instead of a measured choice in 6..12")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--budget-minutes", type=float, help="time for all phases together")
        parser.add_argument("--budget-images", type=int, help="images that the adversarial phase sees")
        parser.add_argument("--credit", default=runs.CREDIT, help="whom to name for the images")
        parser.add_argument("--model-version", help="name of the bundle, instead of the run's")
        parser.add_argument("--activate", action="store_true", help="let the site use the model when it is done")

    def handle(self, *args: Any, **options: Any) -> None:
        stopping: list[int] = []
        before = {
            number: signal.signal(number, lambda received, _: stopping.append(received))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        bars, reading = PhaseBars(), CountBars()
        try:
            run = self.run(options)
            path = run.train(
                lambda: bool(stopping), bars, lambda done, total: reading("reading", done, total), self.stdout.write
            )
            version = register_bundle(path, activate=options["activate"])
            self.evaluate(run, path)
            remember_metrics(version)
        except Stopped as stopped:
            self.stdout.write(f"{stopped} Go on with: manage.py train --resume {run.folder.name}")
        except (DatasetError, ClusterError, TrainingError, BundleError) as error:
            raise CommandError(str(error)) from error
        else:
            self.stdout.write(f"Model version {path.name} is registered: {path}")
        finally:
            bars.close()
            reading.close()
            for number, handler in before.items():
                signal.signal(number, handler)

    def evaluate(self, run: runs.TrainingFolder, path: Path) -> None:
        """The last step; a model that cannot be judged is a model all the same."""
        bars = CountBars()
        try:
            self.stdout.write(summary(run.evaluate(path, bars)))
        except EvaluationError as error:
            self.stderr.write(f"Not evaluated: {error}")
        finally:
            bars.close()

    def run(self, options: dict[str, Any]) -> runs.TrainingFolder:
        if options["resume"] is not None:
            keys = ("resume", "budget_minutes", "budget_images", "model_version")
            return runs.reopen(*(options[key] for key in keys))
        if not options["images"] and not options["synthetic"]:
            raise CommandError("Nothing to train on: give --images FOLDER, --synthetic N or --resume.")
        chosen = {key: options[key] for key in runs.Options.__dataclass_fields__}
        chosen["images"] = str(options["images"].resolve()) if options["images"] else None
        return runs.start(runs.Options(**chosen))
