"""From images to a trained model: encoder, K-Means, warm start, adversarial training, refinement, super-resolution.

    from galaxies.ml.presets import PRESETS
    settings = PRESETS["standard"]
    trained = train(data, settings, Run(Path("var/training/first")), print)

Each phase can be resumed. A finished one leaves a file in the run's folder, and a run that starts again skips it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from galaxies.ml.arrays import Features, Images, Labels, Weights
from galaxies.ml.bundle.writer import TrainedModel
from galaxies.ml.data.records import Dataset
from galaxies.ml.data.resize import area_resize
from galaxies.ml.evaluation.extractors import imagenet, usable
from galaxies.ml.features.clusters import Choice, Clusters, fit, match_ids
from galaxies.ml.features.encoder import Encoder, make_encode, train_encoder
from galaxies.ml.fine_tuning import StartingModel
from galaxies.ml.gan.adversarial import train_adversarial
from galaxies.ml.gan.monitoring import full_size_meter, kid_meter, set_w_mean, sheet_sampler
from galaxies.ml.gan.refinement import refine
from galaxies.ml.gan.sampling import LabelledImages, sampling_weights, thinned
from galaxies.ml.gan.super_resolution import BaseSampler, fit_prior, train_stage
from galaxies.ml.gan.warm_start import warm_start
from galaxies.ml.loop import ADVERSARIAL, STAGE, Budget, Report, Reporter, Run, reading, write_arrays
from galaxies.ml.networks.generator import Generator, GeneratorConfig
from galaxies.ml.networks.styled_stage import StyledStage
from galaxies.ml.presets import Settings

logger = logging.getLogger(__name__)
CLUSTERS = "clusters.npz"
DONE = Budget(images=1)  # of a phase that has its checkpoint and shall not go on
ENCODE_IMAGES = 1024  # between two looks at whether the run shall stop


@dataclass(frozen=True)
class Found:
    """What is known of the training images before the GAN: features (N, d), families (N,), how often each is drawn."""

    features: Features
    families: Labels
    weights: Weights | None = None


@dataclass(frozen=True)
class Training:
    """What every phase needs. images: (N, R, R, 3) uint8 of the training split; starting_model: None from scratch."""

    images: Images
    settings: Settings
    run: Run
    reporter: Reporter
    starting_model: StartingModel | None = None

    def resized(self, side: int) -> Images:
        """Return the images with that side."""
        return area_resize(self.images, side)

    def sampler(self, generator: Generator) -> Callable[[Path], None]:
        """Return a function that writes a sample sheet of the generator."""
        return sheet_sampler(generator, self.settings.w_mean_samples)


def train(
    data: Dataset,
    settings: Settings,
    run: Run,
    reporter: Reporter,
    *,
    old_ids: Callable[[Images], Labels] | None = None,
    likes: Weights | None = None,
    starting_model: StartingModel | None = None,
    together: Callable[[Training, Found], None] | None = None,
) -> TrainedModel:
    """Run all phases that are not done yet.

    old_ids: images (N, R, R, 3) -> (N,) ids of an earlier model's families, which the new ones take over.
    likes: (N,) above 0, how probably each of data.images is liked; the adversarial phase sees the likelier more often.
    starting_model: a model to go on from; settings are then starting_model.adapt(settings).
    together: lets several workers call `train_networks` in the run's folder, once all that they need is in there.
    Raises: Stopped after saving, TrainingError, ClusterError.
    """
    training = Training(data.images[data.train], settings, run, reporter, starting_model)
    encoder = learn_features(training)
    features = encode_all(make_encode(encoder), data.images, run, reporter)
    clusters = find_families(training, features[data.train], old_ids)
    labels = clusters.assign(features)
    families = labels[data.train]
    weights = None if likes is None else sampling_weights(likes[data.train], families)
    found = Found(features[data.train], families, weights)
    if together:
        _prepare(training, found)
        together(training, found)
    generator, stages = train_networks(training, encoder, found)
    return TrainedModel(encoder, features, clusters, labels, generator, stages)


def train_networks(training: Training, encoder: Encoder, found: Found) -> tuple[Generator, list[StyledStage]]:
    """Return generator and stages after all phases of the GAN. encoder: that of the features found; it measures KID."""
    settings, start = training.settings, training.starting_model
    if start and settings.start_at == STAGE:
        generator = start.generator
    else:
        generator = train_generator(
            training,
            _labelled(training, found),
            weights=found.weights,
            measure_kid=_kid_of(training, encoder, found),
            feature_network=learn_feature_network(training) if settings.start_at == ADVERSARIAL else None,
        )
    return generator, train_stages(training, generator, found.families)


def _labelled(training: Training, found: Found) -> LabelledImages:
    side = training.settings.base
    return LabelledImages(training.resized(side), found.families, int(found.families.max()) + 1)


def _prepare(training: Training, found: Found) -> None:
    """Train what `train_networks` begins with and one worker trains alone: it is in the run's folder then."""
    if training.settings.start_at == ADVERSARIAL:
        learn_feature_network(training)
        begin_generator(training, _labelled(training, found))


def learn_features(training: Training) -> Encoder:
    """Return the encoder that families are cut by: that of the starting model, or a new one."""
    if training.starting_model:
        return training.starting_model.encoder
    settings, run = training.settings, training.run
    # A larger budget must not change what the families were cut by.
    budget = settings.budget(settings.encoder_images, settings.shares.encoder)
    return train_encoder(
        training.resized(settings.encoder.resolution),
        settings.encoder,
        DONE if (run.folder / CLUSTERS).exists() else budget,
        settings.contrastive,
        run=run,
        reporter=training.reporter,
        seed=settings.seed,
    )


def encode_all(encode: Callable[[Images], Features], images: Images, run: Run, reporter: Reporter) -> Features:
    """Return features (N, d) float32 of images (N, R, R, 3). Raises: Stopped if the run was asked to stop."""
    parts = []
    for start in range(0, len(images), ENCODE_IMAGES):
        run.raise_if_stopped()
        reporter(Report("features", start, 0.0, start / len(images), 0.0))
        parts.append(encode(images[start : start + ENCODE_IMAGES]))
    return np.concatenate(parts)


def find_families(
    training: Training, features: Features, old_ids: Callable[[Images], Labels] | None = None
) -> Clusters:
    """Return the families of the training images with features (N, d): those of the starting model, or new ones.

    Raises: Stopped if the run was asked to stop; ClusterError; TrainingError if no image is of some family.
    """
    if training.starting_model:
        clusters = training.starting_model.clusters
        training.starting_model.check_families(clusters.assign(features))
        return clusters
    return fit_clusters(features, training, lambda: old_ids(training.images) if old_ids else None)


def fit_clusters(features: Features, training: Training, old_ids: Callable[[], Labels | None]) -> Clusters:
    """Return the K-Means cut of features (N, d), or what an earlier start of the run found.

    Raises: Stopped if the run was asked to stop; ClusterError.
    """
    settings, run = training.settings, training.run

    def progress(done: int, total: int) -> None:
        run.raise_if_stopped()
        training.reporter(Report("families", len(features), 0.0, done / total, 0.0))

    path = run.folder / CLUSTERS
    if not path.exists():
        found = fit(features, settings.k, settings.seed, settings.clusters, progress=progress)
        old = old_ids()
        if old is not None:
            found = found.reordered(match_ids(old, found.assign(features), len(found.centroids)))
        choices = json.dumps([asdict(choice) for choice in found.choices])
        arrays = {"centroids": found.centroids, "mean": found.mean, "axes": found.axes}
        write_arrays(path, {"choices": np.array(choices), **arrays})
    return read_clusters(path)


def read_clusters(path: Path) -> Clusters:
    """Return the cut that `fit_clusters` wrote. Raises: TrainingError if it is damaged."""
    with reading(path) as file:
        choices = tuple(Choice(**choice) for choice in json.loads(str(file["choices"])))
        return Clusters(file["centroids"], file["mean"], file["axes"], choices)


def learn_feature_network(training: Training) -> Encoder:
    """Return the encoder that the discriminator sees through, which neither cuts families nor evaluates."""
    settings, run = training.settings, training.run
    budget = settings.budget(settings.feature_network_images, settings.shares.feature_network)
    return train_encoder(
        training.resized(settings.feature_network.resolution),
        settings.feature_network,
        DONE if run.checkpoint("adversarial").exists() else budget,
        settings.feature_network_contrastive,
        run=run,
        reporter=training.reporter,
        seed=settings.seed + 1,
        name="feature_network",
    )


def _kid_of(training: Training, encoder: Encoder, found: Found) -> Callable[[Generator], float]:
    # Zoom 1 alone, the first of all: what the GAN generates is too small for a look at its central half.
    whole = found.features[:, : training.settings.encoder.features]
    if found.weights is not None:
        whole = whole[thinned(found.weights, training.settings.seed)]
    encode = make_encode(encoder, zooms=(1,))
    return kid_meter(encode, whole, np.bincount(found.families), training.settings.kid_samples)


def begin_generator(training: Training, data: LabelledImages) -> Generator:
    """Return the generator that the adversarial phase begins with: the starting model's, or one after a warm start."""
    if training.starting_model:
        return training.starting_model.generator
    settings, run = training.settings, training.run
    budget = settings.budget(settings.warm_start_images, settings.shares.warm_start)
    return warm_start(
        data,
        GeneratorConfig(data.n_clusters, channels=settings.channels),
        DONE if run.checkpoint("adversarial").exists() else budget,
        settings.warm_start,
        run=run,
        reporter=training.reporter,
        seed=settings.seed,
        sampler=training.sampler,
    )


def train_generator(
    training: Training,
    data: LabelledImages,
    *,
    weights: Weights | None = None,
    measure_kid: Callable[[Generator], float] | None = None,
    feature_network: Encoder | None = None,
) -> Generator:
    """Return a generator after warm start, adversarial phase and refinement, with the mean w of every family measured.

    data: images of the base resolution. weights: (N,), how often adversarial phase and refinement draw each;
    the warm start draws all alike.
    """
    settings, weighted = training.settings, replace(data, weights=weights)
    average = begin_generator(training, data)
    if settings.start_at == ADVERSARIAL:
        budget = settings.budget(settings.adversarial_images, settings.shares.adversarial)
        average = train_adversarial(
            weighted,
            average,
            settings.adversarial,
            # What the refinement began with must not change under it.
            DONE if training.run.checkpoint("refinement").exists() else budget,
            run=training.run,
            reporter=training.reporter,
            seed=settings.seed,
            sampler=training.sampler,
            measure_kid=measure_kid,
            feature_network=feature_network,
        )
    average = refine(
        weighted,
        average,
        settings.refinement,
        settings.budget(settings.refinement_images, settings.shares.refinement),
        run=training.run,
        reporter=training.reporter,
        seed=settings.seed,
        sampler=training.sampler,
        measure_kid=measure_kid,
    )
    set_w_mean(average, settings.w_mean_samples)
    return average


def train_stages(training: Training, generator: Generator, families: Labels) -> list[StyledStage]:
    """Return the stage that leads from the generator's side to the model's, if they differ.

    families: (N,) of the training images.
    """
    settings, start = training.settings, training.starting_model
    if settings.stage is None:
        return []
    sampler, begin = BaseSampler(generator, families), start.stage(settings.stage) if start else None
    if begin and settings.keep_stage:
        fit_prior(begin, training.images, sampler, settings.super_resolution.batch, seed=settings.seed)
        return [begin]
    stage = train_stage(
        training.images,
        sampler,
        settings.stage,
        settings.budget(settings.stage_images, settings.shares.super_resolution),
        run=training.run,
        reporter=training.reporter,
        settings=settings.super_resolution,
        seed=settings.seed,
        begin=begin,
        sampler_of=lambda stage: sheet_sampler(generator, 0, [stage]),
        meter_of=_stage_meter(training, generator, families),
    )
    return [stage]


def _stage_meter(
    training: Training, generator: Generator, families: Labels
) -> Callable[[StyledStage], Callable[[], dict[str, float]]] | None:
    # None where what sees them at full size is not there, or the images are too small for it: they are only watched.
    extractor = usable(imagenet, training.settings.resolution, logger.warning)
    if extractor is None:
        return None
    return lambda stage: full_size_meter(extractor, training.images, generator, stage, families=families)
