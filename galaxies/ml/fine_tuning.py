"""A training that goes on from a finished model: its families stay, its networks learn more.

    from galaxies.ml.bundle import load_bundle, read_manifest
    from galaxies.ml.pipeline import train
    check_compatible(read_manifest("models_store/sdss-256-c"), settings)
    starting_model = load_starting_model(load_bundle("models_store/sdss-256-c"))
    trained = train(data, starting_model.adapt(settings), run, print, starting_model=starting_model)

Encoder and K-Means cut are taken as they are, so a family keeps its id and its meaning. Generator and stage begin
with the model's weights; the discriminator is no part of a bundle and starts anew, with its head start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from galaxies.ml.arrays import Labels
from galaxies.ml.bundle import Bundle
from galaxies.ml.bundle.inference import load_encoder, load_generator, load_stages
from galaxies.ml.features.clusters import Choice, Clusters
from galaxies.ml.features.encoder import Encoder
from galaxies.ml.loop import TrainingError
from galaxies.ml.networks.generator import Generator
from galaxies.ml.networks.styled_stage import StyledStage, StyledStageConfig, build_styled_stage
from galaxies.ml.networks.super_resolution import Stage

if TYPE_CHECKING:
    from galaxies.ml.presets import Settings


@dataclass(frozen=True)
class StartingModel:
    """What is taken over from a model."""

    version: str
    encoder: Encoder
    clusters: Clusters
    generator: Generator
    stages: tuple[Stage | StyledStage, ...]

    def adapt(self, settings: Settings) -> Settings:
        """Return the settings with what the model has decided already."""
        return replace(settings, encoder=self.encoder.config, k=len(self.clusters.centroids), started_from=self.version)

    def stage(self, config: StyledStageConfig) -> StyledStage | None:
        """Return the model's stage of that config, if it has one: another resolution needs a new one.

        One of the time before there was a code of grain is taken, too, and gets the code.
        """
        for stage in self.stages:
            if isinstance(stage, StyledStage) and config in (stage.config, replace(stage.config, code=config.code)):
                begun, weights = build_styled_stage(config), stage.get_weights()
                begun.set_weights([*weights, *begun.get_weights()[len(weights) :]])
                return begun
        return None

    def check_families(self, labels: Labels) -> None:
        """Raise TrainingError if no image (N,) is of some family: nothing would keep what is known of it."""
        missing = np.flatnonzero(np.bincount(labels, minlength=len(self.clusters.centroids)) == 0)
        if len(missing):
            raise TrainingError(
                f"None of the images is of family {missing[0]} of version {self.version}: start from scratch, or give "
                "more images."
            )


def check_compatible(manifest: Mapping[str, Any], settings: Settings) -> None:
    """Raise TrainingError, in one sentence, if a training with these settings cannot go on from that model."""
    version, k = manifest["version"], manifest["n_clusters"]
    if settings.k and settings.k != k:
        raise TrainingError(
            f"Version {version} has {k} families, not {settings.k}: leave their number open, or start from scratch."
        )
    if tuple(manifest["generator"]["channels"]) != settings.channels:
        raise TrainingError(
            f"The networks of version {version} are not those of preset {settings.preset}: choose the preset that it "
            "was trained with, or start from scratch."
        )
    stages = [StyledStageConfig(**options) for options in manifest["stages"] if "style" in options]
    if settings.keep_stage and settings.stage not in stages:
        raise TrainingError(
            f"Version {version} has no stage of {settings.resolution} px with a code of grain to keep: leave out "
            "--keep-stage."
        )


def load_starting_model(bundle: Bundle) -> StartingModel:
    """Return the networks of a verified bundle. TensorFlow starts here."""
    cut = bundle.clusters
    choices = tuple(Choice(**choice) for choice in bundle.manifest.get("clustering", {}).get("choices", ()))
    return StartingModel(
        bundle.version,
        load_encoder(bundle.manifest, bundle.arrays),
        replace(cut, choices=choices),
        load_generator(bundle.manifest, bundle.arrays),
        tuple(load_stages(bundle.manifest, bundle.arrays)),
    )
