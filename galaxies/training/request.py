"""The options of a training run, and the pipeline's settings that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings as site

from galaxies.ml.bundle import read_manifest
from galaxies.ml.data.dataset import CROP

CREDIT = "The images it was trained on; name their source with --credit."


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user chooses.

    images: a folder or HDF5 file; synthetic: the number of drawn galaxies to train on instead.
    start_from: the version whose weights the training begins with; None starts from scratch.
    prefer: sample real images by how probably people like them (galaxies.preferences).
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
    prefer: bool = False


def settings_of(options: Options) -> Any:
    """Return the pipeline's settings for a run. Imports TensorFlow.

    Raises: TrainingError or BundleError, in one sentence, if the options do not go together.
    """
    from galaxies.ml.fine_tuning import check_compatible
    from galaxies.ml.presets import PRESETS, with_resolution

    preset = PRESETS[options.preset]
    settings = replace(
        with_resolution(preset, options.resolution or preset.resolution),
        k=options.k,
        seed=options.seed,
        minutes=options.budget_minutes,
        adversarial_images=options.budget_images or preset.adversarial_images,
    )
    if options.start_from:
        check_compatible(read_manifest(site.MODELS_STORE / options.start_from), settings)
    return settings
