"""Training runs on disk: a folder in NEBULAI_DATA_DIR/training with the run's options, checkpoints and samples.

run = start(Options(images="galaxies/", preset="small"))
path = run.train(should_stop, reporter)         # the bundle's folder; after a stop, run.train goes on
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings as site

from galaxies import preferences
from galaxies.ml.arrays import Images, Progress, silent
from galaxies.ml.bundle import Bundle, BundleError, load_bundle, verify
from galaxies.ml.data.dataset import CROP, MINIMUM, load_dataset
from galaxies.ml.data.options import options_of
from galaxies.ml.data.records import Dataset, DatasetError
from galaxies.ml.loop import DAMAGED, Reporter, TrainingError, damaged, reading, write_arrays
from galaxies.models import ModelVersion
from galaxies.training.request import Options, check_numbers, check_version_name, checked, options_from, settings_of

if TYPE_CHECKING:
    from galaxies.ml.arrays import Labels
    from galaxies.ml.fine_tuning import StartingModel
    from galaxies.ml.pipeline import Found, Training

logger = logging.getLogger(__name__)

SAMPLES, TINY_SAMPLES = 10_000, 1_000
IMAGES = "images.json"


def path_of(name: str) -> Path:
    """Return the folder of the run of that name; "" for the folder of all runs."""
    return Path(site.DATA_DIR) / "training" / name


@dataclass(frozen=True)
class TrainingFolder:
    """One run: its folder and its options."""

    folder: Path
    options: Options

    @property
    def version(self) -> str:
        """The name that the run's bundle gets."""
        return self.options.model_version or self.folder.name

    @property
    def bundles(self) -> dict[str, Any]:
        """The versions that this run has written, each with the run's options at that time.

        Raises: TrainingError if the file that tells is damaged.
        """
        path = self.folder / "bundles.json"
        return _read(path) if path.exists() else {}

    @property
    def is_written(self) -> bool:
        """Whether all is trained and the bundle written; it may have to be registered and measured yet."""
        written = self.bundles.get(self.version)
        if written is None or options_from(written) != self.options:
            return False
        return bool((site.MODELS_STORE / self.version).exists())

    def data(self, resolution: int, progress: Callable[[int, int], None] | None = None) -> Dataset:
        """Return the run's images, from the cache if they were read before. Raises: DatasetError."""
        return images_of(self.options, resolution, progress)

    def train(
        self,
        should_stop: Callable[[], bool],
        reporter: Reporter,
        progress: Callable[[int, int], None] | None = None,
        announce: Callable[[str], None] = print,
        *,
        together: Callable[[Training, Found], None] | None = None,
    ) -> Path:
        """Train what is not trained yet and write the bundle.

        progress(done, total): of reading the images; announce(text): for what a user should know; together: as for
        galaxies.ml.pipeline.train.
        Returns: the bundle's folder.
        Raises: Stopped after saving; DatasetError, ClusterError, TrainingError, BundleError in one sentence.
        """
        from galaxies.ml.bundle.writer import Provenance, write_bundle
        from galaxies.ml.loop import Run
        from galaxies.ml.pipeline import train

        chosen = self.options
        bundle: Path = site.MODELS_STORE / self.version
        if self.is_written:
            return bundle
        if bundle.exists():  # write_bundle would say so only after hours
            raise BundleError(f"{bundle} is there already: name the new bundle with --model-version.")
        settings = settings_of(chosen)
        data = self.data(settings.resolution, progress)
        announce(data.report())
        self.remember(data)
        run = Run(self.folder, should_stop)
        starting_model = self._starting_model()
        if starting_model:
            settings = starting_model.adapt(settings)
        likes = None
        if chosen.prefer:
            likes, by = self._likes(data)
            settings = replace(settings, weighed_by=by)
            announce(f"Real images are weighed by {by}.")
        trained = train(
            data,
            settings,
            run,
            reporter,
            old_ids=_old_ids(announce),
            likes=likes,
            starting_model=starting_model,
            together=together,
        )
        write_bundle(trained, bundle, Provenance(data, asdict(settings), run, chosen.credit))
        _write(self.folder / "bundles.json", {**self.bundles, self.version: asdict(chosen)})
        return bundle

    def _starting_model(self) -> StartingModel | None:
        from galaxies.ml.fine_tuning import load_starting_model

        if not self.options.start_from:
            return None
        path = site.MODELS_STORE / self.options.start_from
        return load_starting_model(Bundle(path, verify(path)))

    def remember(self, data: Dataset) -> None:
        """Write down which images the run began with. Raises: TrainingError if these are others."""
        path, found = self.folder / IMAGES, {"fingerprint": data.fingerprint, "images": len(data.images)}
        if not path.exists():
            return _write(path, found)
        first = _read(path)
        if any(type(first.get(name)) is not type(value) for name, value in found.items()):
            raise damaged(path)
        if first["fingerprint"] != found["fingerprint"]:
            raise TrainingError(
                f"The images are not those that the run began with: there were {first['images']:,}, and there are "
                f"{len(data.images):,}. Put them back as they were, or start a new run."
            )

    def _likes(self, data: Dataset) -> tuple[Any, str]:
        """Return the probability (N,) that each image is liked and the name of the model, both kept for a resume."""
        path = self.folder / "likes.npz"
        if not path.exists():
            try:
                likes, by = preferences.likes_of(data.images)
            except preferences.NotLearned as error:
                raise TrainingError(str(error)) from error
            write_arrays(path, {"likes": likes, "by": np.array(by), "of": np.array(data.fingerprint)})
        with reading(path) as kept:
            if str(kept["of"]) != data.fingerprint:
                raise TrainingError("The images are not those that the run began with: start a new one.")
            return kept["likes"], str(kept["by"])

    def evaluate(self, path: Path, report: Progress = silent) -> dict[str, Any]:
        """Measure the run's bundle on its held-out images and write its metrics.json.

        Raises: EvaluationError, in one sentence, if there are too few of them.
        """
        from galaxies.ml.evaluation import Settings
        from galaxies.ml.evaluation.extractors import imagenet, usable
        from galaxies.ml.evaluation.of_bundle import evaluate_bundle, write_metrics

        bundle = load_bundle(path)
        samples = TINY_SAMPLES if self.options.preset == "tiny" else SAMPLES
        data, extractor = self.data(bundle.resolution), usable(imagenet, bundle.resolution, logger.warning)
        metrics = evaluate_bundle(bundle, data, Settings(samples=samples), extractor, report=report)
        write_metrics(path, metrics)
        return metrics

    def find_directions(self, path: Path, report: Progress = silent) -> str:
        """Find how the run's bundle is steered and add that to it; a tiny model is not worth the time.

        Returns: a table, "" if there is nothing to find.
        Raises: SteeringError, in one sentence, if too few galaxies could be measured.
        """
        from galaxies.ml.steering import Sampling, add_directions, find_directions, summary

        bundle = load_bundle(path)
        if self.options.preset == "tiny" or bundle.directions:
            return ""
        directions, vectors = find_directions(bundle, Sampling(workers=len(os.sched_getaffinity(0))), report)
        add_directions(path, directions, vectors)
        return summary(directions)


def _old_ids(announce: Callable[[str], None]) -> Callable[[Images], Labels] | None:
    """Return what assigns images to the active model's families, so that a retrained model keeps their ids."""
    active = ModelVersion.active()
    if active is None:
        return None
    path = active.path

    def ids(images: Images) -> Labels:
        bundle = load_bundle(path)
        return bundle.assign(bundle.features(images))

    try:
        verify(path)
    except BundleError as error:
        announce(f"Families get new ids, since the active model cannot be read: {error}")
        return None
    return ids


def start(options: Options) -> TrainingFolder:
    """Make the folder of a new run, named by the time and its preset.

    Raises: TrainingError or DatasetError if the options cannot be trained with; there is no folder then.
    """
    options = checked(options)
    if options.prefer and not preferences.standing(ModelVersion.active()):
        raise TrainingError(preferences.NONE_STANDS)
    run = TrainingFolder(_new_folder(f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{options.preset}"), options)
    _write(run.folder / "run.json", asdict(options))
    return run


def _new_folder(name: str) -> Path:
    for number in count(1):  # two starts may fall into the same second
        folder = path_of(name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError


def free_version(name: str) -> str:
    """Return a name that no bundle has: this one, or with -2, -3 and so on."""
    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    known = set(ModelVersion.objects.filter(version__startswith=name).values_list("version", flat=True))
    return next(each for each in names if each not in known and not (site.MODELS_STORE / each).exists())


def reopen(
    name: str,
    *,
    budget_minutes: float | None = None,
    budget_images: int | None = None,
    model_version: str | None = None,
) -> TrainingFolder:
    """Return a run by its name, or the newest for ""; a new budget and bundle name replace its own.

    Raises: TrainingError if there is none, or its options cannot be read or have no meaning.
    """
    found = find(name)
    if model_version:
        check_version_name(model_version)
    options = found.options
    options = replace(
        options,
        budget_minutes=budget_minutes or options.budget_minutes,
        budget_images=budget_images or options.budget_images,
        model_version=model_version or options.model_version,
    )
    check_numbers(options)
    run = TrainingFolder(found.folder, options)
    _write(run.folder / "run.json", asdict(options))
    return run


def find(name: str) -> TrainingFolder:
    """Return a run by its name, or the newest for "". Raises: TrainingError if there is none, or it is damaged."""
    found = [file for file in _run_files() if file.parent.name == (name or file.parent.name)]
    if not found:
        run = f"run {name}" if name else "run to resume"
        raise TrainingError(f"There is no {run} in {path_of('')}: start one with --images.")
    return _opened(found[-1])


def _run_files() -> list[Path]:
    """Return the run.json of every run on disk, the newest last."""
    return sorted(path_of("").glob("*/run.json"), key=lambda file: file.parent.name)


def _opened(file: Path) -> TrainingFolder:
    """Return the run of a run.json. Raises: TrainingError if that is damaged."""
    return TrainingFolder(file.parent, options_from(_read(file)))


def run_of(version: str) -> TrainingFolder | None:
    """Return the run that made a model version, None if it is not on this machine; damaged runs are passed over."""
    for file in reversed(_run_files()):
        try:
            run = _opened(file)
            if run.version == version or version in run.bundles:
                return run
        except TrainingError as error:
            logger.warning("%s", error)
    return None


def images_of(
    options: Options,
    resolution: int,
    progress: Callable[[int, int], None] | None = None,
    *,
    minimum: int = MINIMUM,
) -> Dataset:
    """Return the images that a user chose, from the cache if they were read before. Raises: DatasetError."""
    if options.synthetic:
        from galaxies.ml.data.synthetic import dataset

        return dataset(options.synthetic, resolution, options.seed)
    cache, source = site.DATA_DIR / "datasets", Path(options.images or "")
    return load_dataset(
        source, resolution, cache, options.crop, minimum=minimum, options=options.reading, progress=progress
    )


def images_for(bundle: Bundle, images: Path | None) -> Dataset:
    """Return the given images, read as the bundle's were, or, for None, those that it was trained on.

    Raises: DatasetError, in one sentence, also if the run of the version is not on this machine.
    """
    if images:
        read = bundle.manifest.get("data", {})
        cache, crop = site.DATA_DIR / "datasets", int(read.get("crop", CROP))
        return load_dataset(images, bundle.resolution, cache, crop, options=options_of(read))
    run = run_of(bundle.version)
    if run is None:
        raise DatasetError(f"The images that {bundle.version} was trained on are not known here: give --images FOLDER.")
    return run.data(bundle.resolution)


def _read(path: Path) -> dict[str, Any]:
    """Return what a JSON file of a run holds. Raises: TrainingError if it is damaged."""
    try:
        return dict(json.loads(path.read_text()))
    except DAMAGED as error:
        raise damaged(path) from error


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1))  # a full disk must not cost the file that is there
    partial.replace(path)
