"""Train a model: manage.py train --images FOLDER, or --synthetic 2000 --preset tiny; --resume goes on."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.core.management.base import BaseCommand, CommandError

from galaxies.cluster.connection import ClusterError, connected
from galaxies.management.arguments import add_reading_arguments
from galaxies.management.terminal import CountBars, PhaseBars
from galaxies.ml.data.dataset import CROP, DatasetError
from galaxies.ml.evaluation import EvaluationError
from galaxies.ml.evaluation.of_bundle import summary
from galaxies.ml.loop import FIRST_PHASES, Report, Stopped
from galaxies.ml.steering import SteeringError
from galaxies.models import TrainingRun
from galaxies.registry.registration import register_bundle, remember_metrics
from galaxies.training import folders, life_cycle, preview
from galaxies.training.record import EXPECTED, in_one_sentence
from galaxies.training.request import CREDIT, Options, checked, options_from, settings_of


class Command(BaseCommand):
    help = "Train encoder, K-Means, conditional GAN and super-resolution, and register the bundle."

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--images", type=Path, help="folder of JPEG, PNG, WebP, TIFF or FITS images, or an HDF5 file"
        )
        source.add_argument("--synthetic", type=int, metavar="N", help="train on N drawn galaxies instead")
        source.add_argument("--resume", nargs="?", const="", metavar="RUN", help="go on with a run, the newest if none")
        parser.add_argument("--preset", choices=("tiny", "small", "standard"), default="standard")
        parser.add_argument("--resolution", type=int, help="side of the images in px, instead of the preset's")
        parser.add_argument("--crop", type=int, default=CROP, help="side of the central square that is used, in px")
        parser.add_argument("--k", type=int, help="number of families, instead of a measured choice in 6..12")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--budget-minutes", type=float, help="time for all phases together")
        parser.add_argument("--budget-images", type=int, help="images that the first phase of the GAN sees")
        parser.add_argument("--credit", default=CREDIT, help="whom to name for the images")
        parser.add_argument("--model-version", help="name of the bundle, instead of the run's")
        parser.add_argument(
            "--start-from", metavar="VERSION", help="begin with that model's weights, keep its families"
        )
        parser.add_argument(
            "--start-at", choices=FIRST_PHASES, help="with --start-from: the first phase in which it learns on"
        )
        parser.add_argument(
            "--keep-stage", action="store_true", help="with --start-from: leave the super-resolution stage as it is"
        )
        parser.add_argument(
            "--prefer", action="store_true", help="show what people would like more often (see learn_preferences)"
        )
        parser.add_argument("--activate", action="store_true", help="let the site use the model when it is done")
        parser.add_argument("--check", action="store_true", help="say what would be read and how long it would take")
        parser.add_argument(
            "--ray", metavar="ADDRESS", help="train the GAN on a Ray cluster: host:6379, auto or local (package ray)"
        )
        parser.add_argument("--workers", type=int, metavar="N", help="with --ray: how many share each batch, 2 if none")
        parser.add_argument("--asked", help=SUPPRESS)  # "-": options as JSON from a page; the answer is JSON, too
        add_reading_arguments(parser)
        parser.add_argument("--worker-pid", type=int, help=SUPPRESS)  # of the worker that starts this for a page

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["check"]:
                self.check_images(options)
            else:
                self.train_anywhere(options)
        except (*EXPECTED, ClusterError, life_cycle.Refused) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(in_one_sentence(error)) from error

    def train_anywhere(self, options: dict[str, Any]) -> None:
        """Train here, or with workers of a Ray cluster."""
        if options["ray"] is None:
            if options["workers"] is not None:
                raise CommandError("--workers are those of a cluster: name it by --ray ADDRESS.")
            return self.train_until_stopped(options)
        workers = 2 if options["workers"] is None else options["workers"]
        if workers < 1:
            raise CommandError("Give --workers 1 or more.")
        new = options["resume"] is None
        chosen = checked(self.chosen(options)) if new else folders.find(options["resume"]).options
        settings = settings_of(chosen)
        from galaxies.ml.presets import check_shares

        check_shares(settings, workers)
        with connected(options["ray"]):
            from galaxies.cluster.training import Group, cores_each

            bundle = Path(site.MODELS_STORE, chosen.start_from) if chosen.start_from else None
            self.train_until_stopped(options, Group(workers, cores_each(workers), bundle).train)

    def train_until_stopped(self, options: dict[str, Any], together: Any = None) -> None:
        """Start or resume a run; a signal lets it save first. A new run that is refused leaves no folder."""
        stopping: list[int] = []
        before = {
            number: signal.signal(number, lambda received, _: stopping.append(received))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            run = self.run(options)
            self.train(run, stopping, options, together)
        except Stopped as stopped:
            self.stdout.write(f"{stopped} Go on with: manage.py train --resume {run.folder.name}")
        except life_cycle.Refused:
            if options["resume"] is None:
                shutil.rmtree(run.folder)
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def train(
        self, run: folders.TrainingFolder, stopping: list[int], options: dict[str, Any], together: Any = None
    ) -> None:
        """Train, register and measure, with progress in the run's row and, without a worker, on the terminal."""
        worker = options["worker_pid"]
        bars, counting = PhaseBars(), CountBars()
        with life_cycle.recorded(run, stopping, worker) as record:

            def report(report: Report) -> None:
                record.report(report)
                if not worker:
                    bars(report)

            def count(stage: str, done: int, total: int) -> None:
                if not worker:
                    counting(stage, done, total)
                record.count(stage, done, total)

            def announce(text: str) -> None:
                record.say(text)
                self.stdout.write(text)

            try:
                reading = partial(count, "reading")
                path = run.train(record.should_stop, report, reading, announce, together=together)
                version = register_bundle(path, activate=options["activate"])
                record.registered(version)
                unmeasured = self.evaluate(run, path, count)
                remember_metrics(version)
                unsteered = self.find_directions(run, path, count)
                version = register_bundle(path)
            finally:
                bars.close()
                counting.close()
            standing = "active" if options["activate"] else "waits to be activated"
            message = f"Model version {version} is registered and {standing}. {unmeasured}".strip()
            record.end(TrainingRun.State.DONE, f"{message} {unsteered}".strip())
        self.stdout.write(f"Model version {path.name} is registered: {path}")
        if not options["activate"]:
            self.stdout.write(f"The site uses it after: manage.py activate {path.name}")

    def evaluate(self, run: folders.TrainingFolder, path: Path, count: Callable[[str, int, int], None]) -> str:
        """Measure the model. Returns: why that failed, or ""; the model is registered all the same."""
        try:
            self.stdout.write(summary(run.evaluate(path, count)))
        except (EvaluationError, DatasetError) as error:
            self.stderr.write(f"Not evaluated: {error}")
            return f"Not evaluated: {error}"
        return ""

    def find_directions(self, run: folders.TrainingFolder, path: Path, count: Callable[[str, int, int], None]) -> str:
        """Find how the model is steered, the last step. Returns: why that failed, or ""; it goes without, then."""
        try:
            self.stdout.write(run.find_directions(path, count))
        except SteeringError as error:
            self.stderr.write(f"Not steered: {error}")
            return f"Not steered: {error}"
        return ""

    def run(self, options: dict[str, Any]) -> folders.TrainingFolder:
        if options["resume"] is not None:
            given = {key: options[key] for key in ("budget_minutes", "budget_images", "model_version")}
            return folders.reopen(options["resume"], **given)
        return folders.start(self.chosen(options))

    def chosen(self, options: dict[str, Any]) -> Options:
        """Return what was chosen on the command line."""
        if not options["images"] and not options["synthetic"]:
            raise CommandError("Nothing to train on: give --images FOLDER, --synthetic N or --resume.")
        chosen = {key: options[key] for key in Options.__dataclass_fields__ if key in options}
        for key in ("images", "labels"):
            chosen[key] = str(options[key].resolve()) if options[key] else Options.__dataclass_fields__[key].default
        return Options(**{**chosen, "labels_class": tuple(options["labels_class"])})

    def check_images(self, options: dict[str, Any]) -> None:
        """Print what a training would find, and train nothing."""
        if options["asked"]:
            return self.stdout.write(json.dumps(preview.answer(options_from(json.load(sys.stdin)))))
        if options["resume"] is not None:
            raise CommandError("--check looks at images before a training: give --images FOLDER, not --resume.")
        bars = CountBars()
        try:
            found = preview.look(self.chosen(options), partial(bars, "reading"))
        finally:
            bars.close()
        self.stdout.write(found.text())
        if found.error:
            raise CommandError(found.error)
