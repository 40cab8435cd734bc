"""The options of a training run, and the pipeline's settings that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from django.conf import settings as site

from galaxies.ml.bundle import read_manifest
from galaxies.ml.data.dataset import CROP, MINIMUM
from galaxies.ml.data.options import ReadingOptions, options_of
from galaxies.ml.data.split import BY_FILES, BY_PIXELS
from galaxies.ml.loop import ADVERSARIAL, FIRST_PHASES, STAGE, TrainingError
from galaxies.models import ModelVersion
from galaxies.registry.manifests import MOST_FAMILIES, is_version_name

CREDIT = "The images it was trained on; name their source with --credit."


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user chooses.

    images: a folder or HDF5 file; synthetic: the number of drawn galaxies to train on instead.
    start_from: the version whose weights the training begins with; None starts from scratch. start_at: the first phase
    in which it learns on, one of FIRST_PHASES, the adversarial one if None. keep_stage: that version's stage stays.
    prefer: sample real images by how probably people like them (galaxies.preferences).
    From stretch on: galaxies.ml.data.options.ReadingOptions.
    """

    images: str | None = None
    synthetic: int | None = None
    preset: str = "standard"
    resolution: int | None = None
    crop: int = CROP
    k: int | None = None
    seed: int = 0
    budget_minutes: float | None = None
    budget_images: int | None = None
    credit: str = CREDIT
    model_version: str | None = None
    start_from: str | None = None
    start_at: str | None = None
    keep_stage: bool = False
    prefer: bool = False
    stretch: float = ReadingOptions.stretch
    q: float = ReadingOptions.q
    bands: str = ReadingOptions.bands
    hdf5_images: str = ""
    hdf5_labels: str = ""
    hdf5_axes: str = ""
    labels: str = ""
    labels_id: str = ""
    labels_class: tuple[str, ...] = ()
    labels_threshold: float | None = None
    split: str = BY_PIXELS

    @property
    def reading(self) -> ReadingOptions:
        """What is said of the images' files."""
        return ReadingOptions(**{field.name: getattr(self, field.name) for field in fields(ReadingOptions)})


def options_from(content: Mapping[str, Any]) -> Options:
    """Return the options in a run.json. A run from before pixels decided the split keeps its own.

    Raises: TrainingError, in one sentence, if one is unknown or of another type.
    """
    given = {"split": BY_FILES, "labels_class": (), **content}
    kinds = {**get_type_hints(Options), "labels_class": list | tuple}
    if unknown := sorted(given.keys() - kinds.keys()):
        names = ", ".join(unknown)
        raise TrainingError(f"run.json has options that this release does not know, {names}: take them out of it.")
    for name, value in given.items():
        kind = kinds[name] | int if isinstance(0.0, kinds[name]) else kinds[name]
        if not isinstance(value, kind):
            raise TrainingError(f"run.json has {value!r} as {name}, which cannot be: write there what it was.")
    return Options(**{**given, "labels_class": tuple(given["labels_class"])})


def checked(options: Options) -> Options:
    """Return the options with the split of the model they start from: what it has not seen stays held out.

    Refuses, before the first step, what would fail after the last one.
    Raises: TrainingError; DatasetError if an option about the images has no meaning. All in one sentence.
    """
    options.reading.check()
    check_numbers(options)
    if options.model_version:
        check_version_name(options.model_version)
        if ModelVersion.objects.filter(version=options.model_version).exists():
            raise TrainingError(f"{options.model_version} is there already: name the new bundle with --model-version.")
    if not options.start_from:
        return options
    return replace(options, split=options_of(read_manifest(site.MODELS_STORE / options.start_from)["data"]).split)


def check_numbers(options: Options) -> None:
    """Raise TrainingError if a number or a word of the options has no meaning."""
    refused = next((sentence for wrong, sentence in _refusals(options) if wrong), None)
    if refused:
        raise TrainingError(refused)


def check_version_name(name: str) -> None:
    """Raise TrainingError if no bundle may be called so."""
    if not is_version_name(name):
        raise TrainingError(
            f"--model-version {name!r} cannot be the name of a model: use up to 64 letters, digits, dots and dashes, a "
            "letter or digit first."
        )


def _refusals(options: Options) -> list[tuple[bool, str]]:
    """What may be wrong with numbers and words, each with what to say then."""
    minutes, drawn = options.budget_minutes, options.synthetic
    words = [options.images or "", options.credit, options.labels]
    return [
        (
            any("\0" in word or not _is_utf_8(word) for word in words),
            "A name that is not UTF-8 cannot be kept: rename it.",
        ),
        (options.crop < 1, f"--crop {options.crop} leaves no image: give a side in px."),
        (options.k is not None and not 2 <= options.k <= MOST_FAMILIES, f"--k must lie between 2 and {MOST_FAMILIES}."),
        (not 0 <= options.seed < 2**31 - 1, "--seed must lie between 0 and 2147483646."),
        (minutes is not None and not (math.isfinite(minutes) and minutes > 0), "--budget-minutes must be above 0."),
        (options.budget_images is not None and options.budget_images < 1, "--budget-images must be above 0."),
        ((options.start_at or STAGE) not in FIRST_PHASES, f"--start-at must be one of {', '.join(FIRST_PHASES)}."),
        (bool(options.start_at) and not options.start_from, "--start-at needs --start-from VERSION."),
        (options.keep_stage and not options.start_from, "--keep-stage needs --start-from VERSION."),
        (
            options.keep_stage and options.start_at == STAGE,
            "--keep-stage leaves nothing to train with --start-at stage: leave one of them out.",
        ),
        (drawn is not None and drawn < MINIMUM, f"--synthetic draws too few galaxies: at least {MINIMUM} are needed."),
    ]


def _is_utf_8(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def settings_of(options: Options) -> Any:
    """Return the pipeline's settings for a run. Imports TensorFlow.

    Raises: TrainingError or BundleError, in one sentence, if the options do not go together.
    """
    from galaxies.ml.fine_tuning import check_compatible
    from galaxies.ml.presets import PRESETS, with_resolution

    if options.preset not in PRESETS:
        raise TrainingError(f"There is no preset {options.preset}: choose one of {', '.join(PRESETS)}.")
    preset, start_at = PRESETS[options.preset], options.start_at or ADVERSARIAL
    bound: dict[str, Any] = {f"{start_at}_images": options.budget_images} if options.budget_images else {}
    settings = replace(
        with_resolution(preset, options.resolution or preset.resolution),
        k=options.k,
        seed=options.seed,
        minutes=options.budget_minutes,
        start_at=start_at,
        started_from=options.start_from or "",
        keep_stage=options.keep_stage,
        **bound,
    )
    if start_at == STAGE and not settings.stage:
        raise TrainingError(f"--start-at stage leaves nothing to train: at {settings.resolution} px there is none.")
    if options.start_from:
        check_compatible(read_manifest(site.MODELS_STORE / options.start_from), settings)
    return settings
