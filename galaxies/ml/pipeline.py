"""From images to a bundle: encoder, K-Means, warm start, adversarial training, x2 stages; each can be resumed.

    settings = PRESETS["standard"]
    version = train(data, settings, Run(Path("var/training/first")), Path("models_store"), print)

Every finished phase leaves a file in the run's folder; a run that starts again skips what is done.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from galaxies.ml.arrays import Images, Labels, Weights
from galaxies.ml.bundle import normals
from galaxies.ml.bundle.inference import make_forward
from galaxies.ml.data.dataset import Dataset
from galaxies.ml.data.resize import shrink
from galaxies.ml.evaluation.metrics import kernel_distance
from galaxies.ml.features.clusters import Choice, Clusters, fit, match_ids
from galaxies.ml.features.encoder import Encoder, make_encode, train_encoder, turned
from galaxies.ml.fine_tuning import Origin
from galaxies.ml.gan.adversarial import train_adversarial
from galaxies.ml.gan.batches import Conditioned
from galaxies.ml.gan.sampling import thinned, weigh
from galaxies.ml.gan.super_resolution import train_stage
from galaxies.ml.gan.warm_start import warm_start
from galaxies.ml.loop import Budget, Report, Reporter, Run, write_arrays
from galaxies.ml.networks.generator import Generator, GeneratorConfig
from galaxies.ml.networks.super_resolution import Stage, StageConfig
from galaxies.ml.presets import SHARES, Settings

CUT = "clusters.npz"
DONE = Budget(images=1)  # of a phase that has its checkpoint and shall not go on
SHEET_COLUMNS = 10
SHEET_PSI = 0.8
W_MEAN_SAMPLES = 4096
KID_SAMPLES = 1024
ENCODE_IMAGES = 1024  # between two looks at whether the run shall stop


@dataclass(frozen=True)
class Trained:
    """All parts of a finished model, before they become a bundle."""

    encoder: Encoder
    features: Any
    clusters: Clusters
    labels: Labels
    generator: Generator
    stages: list[Stage]


def train(
    data: Dataset,
    settings: Settings,
    run: Run,
    reporter: Reporter,
    old_ids: Callable[[Images], Labels] | None = None,
    likes: Weights | None = None,
    origin: Origin | None = None,
) -> Trained:
    """Run all phases that are not done yet.

    old_ids: images (N, R, R, 3) -> (N,) ids of an earlier model's families, which the new ones take over.
    likes: (N,) above 0, how probably each of data.images is liked; the adversarial phase sees the likelier more often.
    origin: a model to go on from; settings are then origin.settled(settings).
    Raises: Stopped after saving, TrainingError, ClusterError.
    """
    images = data.images[data.train]
    encoder = (
        origin.encoder
        if origin
        else train_encoder(
            shrink(images, settings.encoder.resolution),
            settings.encoder,
            # A larger budget must not change what the families were cut by.
            DONE if (run.folder / CUT).exists() else settings.budget(settings.encoder_images, SHARES["encoder"]),
            run,
            reporter,
            settings.seed,
        )
    )
    features = encode_all(make_encode(encoder), data.images, run, reporter)
    if origin:
        clusters = origin.clusters
        origin.check_families(clusters.assign(features[data.train]))
    else:
        clusters = cut(features[data.train], settings, run, lambda: old_ids(images) if old_ids else None, reporter)
    labels = clusters.assign(features)
    # Zoom 1 alone, the first of all: what the GAN paints is too small for a look at its central half.
    whole = features[data.train][:, : settings.encoder.features]
    weights = None if likes is None else weigh(likes[data.train], labels[data.train])
    if weights is not None:
        whole = whole[thinned(weights, settings.seed)]
    judge = kid_judge(make_encode(encoder, zooms=(1,)), whole, np.bincount(labels[data.train]))
    small = shrink(images, settings.base)
    begin = origin.generator if origin else None
    eyes = train_encoder(
        shrink(images, settings.eyes.resolution),
        settings.eyes,
        DONE if run.checkpoint("adversarial").exists() else settings.budget(settings.eyes_images, SHARES["eyes"]),
        run,
        reporter,
        settings.seed + 1,
        "eyes",
        turned,
    )
    generator = train_generator(small, labels[data.train], settings, run, reporter, judge, weights, begin, eyes)
    stages = [
        train_stage(
            shrink(images, side),
            StageConfig(side),
            settings.budget(settings.stage_images, SHARES["stages"] / len(settings.stage_sides)),
            run,
            reporter,
            seed=settings.seed,
            begin=origin.stage(StageConfig(side)) if origin else None,
        )
        for side in settings.stage_sides
    ]
    return Trained(encoder, features, clusters, labels, generator, stages)


def encode_all(encode: Callable[[Images], Any], images: Images, run: Run, reporter: Reporter) -> Any:
    """(N, R, R, 3) -> (N, d) float32 features. Raises: Stopped if the run was asked to stop."""
    parts = []
    for start in range(0, len(images), ENCODE_IMAGES):
        run.heed()
        reporter(Report("features", start, 0.0, start / len(images), 0.0))
        parts.append(encode(images[start : start + ENCODE_IMAGES]))
    return np.concatenate(parts)


def cut(
    features: Any,
    settings: Settings,
    run: Run,
    old_ids: Callable[[], Labels | None],
    reporter: Reporter = lambda report: None,
) -> Clusters:
    """K-Means on the training images, or what an earlier start of the run found.

    Raises: Stopped if the run was asked to stop; ClusterError.
    """

    def progress(done: int, total: int) -> None:
        run.heed()
        reporter(Report("families", len(features), 0.0, done / total, 0.0))

    path = run.folder / CUT
    if not path.exists():
        found = fit(features, settings.k, settings.seed, progress)
        old = old_ids()
        if old is not None:
            found = found.reordered(match_ids(old, found.assign(features), len(found.centroids)))
        choices = json.dumps([asdict(choice) for choice in found.choices])
        arrays = {"centroids": found.centroids, "mean": found.mean, "axes": found.axes}
        write_arrays(path, {"choices": np.array(choices), **arrays})
    return read_clusters(path)


def read_clusters(path: Path) -> Clusters:
    """The cut that `cut` wrote."""
    with np.load(path, allow_pickle=False) as file:
        choices = tuple(Choice(**choice) for choice in json.loads(str(file["choices"])))
        return Clusters(file["centroids"], file["mean"], file["axes"], choices)


def train_generator(
    images: Images,
    labels: Labels,
    settings: Settings,
    run: Run,
    reporter: Reporter,
    judge: Callable[[Generator], float] | None = None,
    weights: Weights | None = None,
    begin: Generator | None = None,
    eyes: Encoder | None = None,
) -> Generator:
    """Warm start, then the adversarial phase; the mean w of every family is measured at the end.

    weights: (N,), how often the adversarial phase draws each image; the warm start draws all alike.
    begin: a generator that has been trained before and needs no warm start; eyes: what the discriminator sees through.
    """
    n_clusters = int(labels.max()) + 1
    data = Conditioned(images, labels, n_clusters)
    config = GeneratorConfig(n_clusters, channels=settings.channels)
    gan = settings.adversarial
    generator = begin or warm_start(
        data,
        config,
        gan.discriminator,
        DONE if run.checkpoint("adversarial").exists() else settings.budget(settings.warm_images, SHARES["warm"]),
        run,
        reporter,
        gan.batch,
        settings.seed,
        sheet_sampler,
    )
    ema = train_adversarial(
        replace(data, weights=weights),
        generator,
        gan,
        settings.budget(settings.adversarial_images, SHARES["adversarial"]),
        run,
        reporter,
        settings.seed,
        sheet_sampler,
        judge,
        eyes,
    )
    measure_w_mean(ema)
    return ema


def kid_judge(
    encode: Callable[[Images], Any], real: Any, counts: npt.NDArray[np.int64]
) -> Callable[[Generator], float]:
    """A function generator -> KID of KID_SAMPLES images against real features, families in the shares of counts.

    Real are the training images: what is held out decides nothing here, so that `evaluate` judges with a clear eye.
    Features are standardised by them: where they are small, KID's cubic kernel sees nothing but their mean.
    """
    mean, deviation = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)
    real = (real - mean) / deviation
    bounds = np.round(np.cumsum(counts) / counts.sum() * KID_SAMPLES).astype(int)
    clusters = np.repeat(np.arange(len(counts)), np.diff(bounds, prepend=0))
    return lambda generator: kernel_distance(real, (encode(paint(generator, clusters)) - mean) / deviation)


def paint(generator: Generator, clusters: Labels) -> Images:
    """What a generator alone, without x2 stages, makes of fixed latents: families (N,) -> (N, R, R, 3) uint8."""
    forward, z_dim, sides = make_forward(generator, [])
    labels = np.eye(generator.config.n_clusters, dtype=np.float32)[clusters]
    images = []
    for start in range(0, len(clusters), 32):
        n = len(labels[start : start + 32])
        z = np.stack([normals(seed, z_dim) for seed in range(start, start + n)])
        noise = [normals(len(clusters) + start, n * s * s).reshape(-1, s, s, 1) for s in sides]
        images.append(forward(z, labels[start : start + n], np.ones((n, 1), np.float32), noise).numpy())
    return np.concatenate(images)


def measure_w_mean(generator: Generator) -> None:
    """Set each family's mean of w, towards which truncation pulls."""
    k, z_dim = generator.config.n_clusters, generator.config.z_dim
    z = normals(0, W_MEAN_SAMPLES * z_dim).reshape(-1, z_dim)
    means = [
        np.asarray(generator.map(z, np.tile(np.eye(k, dtype="float32")[c], (len(z), 1)))).mean(0) for c in range(k)
    ]
    generator.w_mean.assign(np.stack(means))


def sheet_sampler(generator: Generator) -> Callable[[Path], None]:
    """A function that paints the sample sheet: fixed latents, one row for each family."""
    forward, z_dim, sides = make_forward(generator, [])
    count = z_dim + sum(side * side for side in sides)
    k = generator.config.n_clusters

    def write(path: Path) -> None:
        measure_w_mean(generator)
        rows = []
        for cluster in range(k):
            drawn = np.stack([normals(1000 * cluster + i, count) for i in range(SHEET_COLUMNS)])
            z, *planes = np.split(drawn, np.cumsum([z_dim, *(s * s for s in sides)])[:-1], axis=1)
            noise = [p.reshape(-1, s, s, 1) for p, s in zip(planes, sides, strict=True)]
            labels = np.tile(np.eye(k, dtype="float32")[cluster], (SHEET_COLUMNS, 1))
            psi = np.full((SHEET_COLUMNS, 1), SHEET_PSI, np.float32)
            rows.append(forward(z, labels, psi, noise).numpy())
        write_sheet(path, np.stack(rows))

    return write


def write_sheet(path: Path, images: Images) -> None:
    """(rows, columns, R, R, 3) uint8 as one picture."""
    rows, columns, side = images.shape[:3]
    page = images.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
    Image.fromarray(page).save(path)


def read_log(run: Run) -> list[dict[str, str]]:
    """The run's log, a dictionary for each line."""
    path = run.folder / "log.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
