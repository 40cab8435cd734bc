"""Train a model: manage.py train --images FOLDER, or --synthetic 2000 --preset tiny; --resume goes on."""

from __future__ import annotations

import json
import signal
from argparse import ArgumentParser
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings as site
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from galaxies.ml.bundle import BundleError
from galaxies.ml.dataset import CROP, Dataset, DatasetError, load_dataset
from galaxies.ml.loop import Report, Stopped, TrainingError
from galaxies.services import register_bundle

CREDIT = "The images it was trained on; name their source with --credit."


class Terminal:
    """One progress bar for each phase: share of its budget, images, images/s, losses, time left."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.phase = ""

    def __call__(self, report: Report) -> None:
        if report.phase != self.phase:
            self.close()
            self.phase = report.phase
            self.bar = tqdm(
                total=1000, desc=report.phase, bar_format="{desc:<12} {percentage:3.0f}%|{bar:20}| {postfix}"
            )
        self.bar.n = round(report.share * 1000)
        losses = " ".join(f"{name} {value:.3g}" for name, value in report.losses.items())
        eta = tqdm.format_interval(report.eta_seconds)
        self.bar.set_postfix_str(f"{report.images:,} images, {report.images_per_second:.0f}/s, {eta} left, {losses}")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


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
        parser.add_argument("--credit", default=CREDIT, help="whom to name for the images")
        parser.add_argument("--model-version", help="name of the bundle, instead of date, preset and resolution")
        parser.add_argument("--activate", action="store_true", help="let the site use the model when it is done")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        self.stopping = False
        try:
            folder = self.folder(options)
            self.train(folder, json.loads((folder / "run.json").read_text()), options)
        except Stopped as stopped:
            self.stdout.write(f"{stopped} Go on with: manage.py train --resume {folder.name}")
        except (DatasetError, TrainingError, BundleError) as error:
            raise CommandError(str(error)) from error

    def stop(self, *_: Any) -> None:
        self.stopping = True

    def folder(self, options: dict[str, Any]) -> Path:
        """The run's folder: an old one for --resume, else a new one that keeps the options."""
        runs = site.DATA_DIR / "training"
        if options["resume"] is not None:
            known = sorted(runs.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
            found = [path.parent for path in known if path.parent.name == (options["resume"] or path.parent.name)]
            if not found:
                raise CommandError(f"There is no run {options['resume']} in {runs}: start one with --images.")
            return found[-1]
        if not options["images"] and not options["synthetic"]:
            raise CommandError("Nothing to train on: give --images FOLDER, --synthetic N or --resume.")
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{options['preset']}"
        folder = Path(runs / name)
        folder.mkdir(parents=True)
        keys = ("synthetic", "preset", "resolution", "crop", "k", "seed", "budget_minutes", "budget_images", "credit")
        kept = {key: options[key] for key in (*keys, "model_version")}
        kept["images"] = str(options["images"].resolve()) if options["images"] else None
        (folder / "run.json").write_text(json.dumps(kept, indent=1))
        return folder

    def train(self, folder: Path, chosen: dict[str, Any], options: dict[str, Any]) -> None:
        from galaxies.ml.bundle_writer import write_bundle
        from galaxies.ml.clusters import ClusterError
        from galaxies.ml.loop import Run
        from galaxies.ml.pipeline import PRESETS, train, with_resolution

        settings = PRESETS[chosen["preset"]]
        settings = with_resolution(settings, chosen["resolution"] or settings.resolution)
        minutes = options["budget_minutes"] or chosen["budget_minutes"]
        images = options["budget_images"] or chosen["budget_images"] or settings.adversarial_images
        settings = replace(
            settings, k=chosen["k"], seed=chosen["seed"], minutes=minutes, adversarial_images=images
        )  # fmt: skip
        data = self.data(chosen, settings.resolution)
        self.stdout.write(data.report())
        (folder / "settings.json").write_text(json.dumps(asdict(settings), indent=1))
        run = Run(folder, lambda: self.stopping)
        terminal = Terminal()
        try:
            trained = train(data, settings, run, terminal)
        except ClusterError as error:
            raise CommandError(str(error)) from error
        finally:
            terminal.close()
        version = chosen["model_version"] or f"{folder.name}-{settings.resolution}"
        path = write_bundle(trained, data, settings, run, site.MODELS_STORE, version, chosen["credit"])
        register_bundle(path, activate=options["activate"])
        self.stdout.write(f"Model version {version} is registered: {path}")

    def data(self, chosen: dict[str, Any], resolution: int) -> Dataset:
        if chosen["synthetic"]:
            from galaxies.ml.synthetic import dataset

            return dataset(chosen["synthetic"], resolution, chosen["seed"])
        with tqdm(desc="reading", unit=" images", mininterval=1) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            return load_dataset(
                Path(chosen["images"]), resolution, site.DATA_DIR / "datasets", chosen["crop"], progress=progress
            )
