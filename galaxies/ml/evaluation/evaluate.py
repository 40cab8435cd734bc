"""Evaluate a generator: every number of `metrics.json`, between its floor and its ceiling.

    model = Model(generate, encoder=Extractor(bundle.features, "encoder", version), assign=bundle.assign)
    training = RealSet(images[train], clusters[train], {"encoder": features[train]})
    held_out = RealSet(images[held], clusters[held], {"encoder": features[held]})
    numbers = evaluate(model, training, held_out, Settings(samples=10_000), report=print)

Held-out images stand on the real side of every number; training images only make floors and ceilings. FID, KID,
precision, recall, density, coverage, told-from-real and usefulness use `extractor` if one is given, and the encoder's
stand under `other_extractors`; fidelity and all that concerns copies uses the encoder. Memory is that of the real
images and the features: generated images are made in batches, and only those whose shape is measured are kept.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Any

import numpy as np

from galaxies.ml.arrays import Features, Images, Labels, Progress, silent
from galaxies.ml.evaluation import comparison, morphology, spectra
from galaxies.ml.evaluation.comparison import Entry, Sides
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.metrics import EvaluationError, as_features
from galaxies.ml.evaluation.rulers import ruler_features

FORMAT = 2  # of metrics.json; 1 has neither rulers, spectra nor usefulness
HELD_OUT_LEAST = 200
SAMPLES_LEAST = 100
SAME_ENCODER_IMAGES = 16
# Another CPU moves features by rounding; another encoder moves them by about their own length.
SAME_ENCODER_TOLERANCE = 0.05


Generate = Callable[[Labels, Labels], Images]  # clusters (n,), seeds (n,) -> (n, H, W, 3) uint8


@dataclass(frozen=True)
class Model:
    """assign: encoder features (n, d) -> clusters (n,)."""

    generate: Generate
    encoder: Extractor
    assign: Callable[[Features], Labels]


@dataclass(frozen=True)
class RealSet:
    """images: (N, H, W, 3) uint8; clusters: (N,); features: (N, d) by extractor name, computed where missing."""

    images: Images
    clusters: Labels
    features: Mapping[str, Features] = field(default_factory=dict)

    def extract(self, extractor: Extractor, rows: Labels, report: Progress) -> Features:
        """Return the features of some images (n,) as (n, d)."""
        if extractor.name in self.features:
            return self.features[extractor.name][rows]
        return extractor(self.images[rows], report)


@dataclass(frozen=True)
class Settings:
    """How much is measured. `split` says in words which images were held out; `seed` fixes every random choice.

    morphology_samples: of each side; None: an eighth of samples. Of 250 real galaxies and 250 others, asymmetry is
    .007 to .020 apart by chance alone.
    """

    samples: int = 10_000
    seed: int = 0
    split: str = "held-out"
    k: int = 5
    kid_subsets: int = 100
    kid_subset_size: int = 1000
    morphology_samples: int | None = None
    workers: int = 2
    batch: int = 256

    @property
    def shapes(self) -> int:
        return self.samples // 8 if self.morphology_samples is None else self.morphology_samples


@dataclass(frozen=True)
class _Plan:
    """What is asked of the generator, and which real images stand beside it: clusters, seeds and row numbers."""

    requested: Labels
    seeds: Labels
    held_out: Labels
    training: Labels
    typical: Labels  # per cluster the row of its most typical training image


@dataclass(frozen=True)
class _Generated:
    features: dict[str, Features]
    assigned: Labels
    first: Images


def evaluate(
    model: Model,
    training: RealSet,
    held_out: RealSet,
    settings: Settings = Settings(),
    *,
    extractor: Extractor | None = None,
    report: Progress = silent,
) -> dict[str, Any]:
    """Return `metrics.json` as a dictionary of plain numbers, text and lists.

    Raises: EvaluationError or, of `extractor`, ExtractorUnavailable, in one sentence, where images or features do not
    allow it.
    """
    started = time.monotonic()
    training = _encoded(training, model.encoder, "training", report)
    held_out = _encoded(held_out, model.encoder, "held-out", report)
    _check(model, training, held_out, settings)
    plan = _plan(training, held_out, model.encoder.name, settings)
    shape = held_out.images.shape[1:]
    compared = [extractor, model.encoder] if extractor else [model.encoder]
    for each in compared:
        each.check(min(shape[:2]))
    planes = [spectra.extractor()] if shape[0] >= spectra.LEAST_SIDE else []
    generated = _generate(model, [*compared, *planes], plan, shape=shape, settings=settings, report=report)
    sides = [
        _sides(e, training, held_out, generated, plan=plan, settings=settings, report=report)
        for e in [*compared, *planes]
    ]
    first, encoded = sides[0], sides[len(compared) - 1]
    distances = [
        _distances(_with_rulers(each, held_out, plan, report), settings, report) for each in sides[: len(compared)]
    ]
    return {
        "format": FORMAT,
        **distances[0],
        "usefulness": comparison.usefulness(first),
        "spectra": spectra.compare(sides[-1], shape[0]) if planes else {},
        "memorisation": comparison.memorisation(encoded, training.features[model.encoder.name]),
        "cluster_fidelity": comparison.cluster_fidelity(encoded, generated.assigned, _mirrored(model, held_out, plan)),
        "near_duplicates": comparison.near_duplicates(encoded),
        **_morphology(training, held_out, generated, plan=plan, settings=settings, report=report),
        "other_extractors": {e.name: numbers for e, numbers in zip(compared[1:], distances[1:], strict=True)},
        "conditions": {
            **_conditions(training, held_out, [*compared, *planes], settings),
            "seconds": round(time.monotonic() - started, 1),
        },
    }


def _conditions(
    training: RealSet, held_out: RealSet, extractors: Sequence[Extractor], settings: Settings
) -> dict[str, Any]:
    return {
        **asdict(settings),
        "n_held_out": len(held_out.images),
        "n_training": len(training.images),
        "image_shape": list(held_out.images.shape[1:]),
        "extractors": {e.name: {"version": e.version, "resize": e.resize} for e in extractors},
        "versions": {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "statmorph", "photutils")},
    }


def _with_rulers(sides: Sides, held_out: RealSet, plan: _Plan, report: Progress) -> Sides:
    return replace(sides, rulers=ruler_features(sides.extractor, held_out.images[plan.held_out], report))


def _distances(sides: Sides, settings: Settings, report: Progress) -> dict[str, Any]:
    report(f"{sides.extractor.name} distances", 0, 1)
    found = comparison.distances(
        sides,
        seed=settings.seed,
        k=settings.k,
        subsets=settings.kid_subsets,
        subset_size=settings.kid_subset_size,
    )
    report(f"{sides.extractor.name} distances", 1, 1)
    return found


def _encoded(real: RealSet, encoder: Extractor, name: str, report: Progress) -> RealSet:
    """Return the set with the encoder's features, computed if they were not given, and everything in it checked."""
    count = len(real.images)
    if name == "held-out" and count < HELD_OUT_LEAST:
        raise EvaluationError(
            f"There are {count} held-out images, and at least {HELD_OUT_LEAST} are needed: give more images."
        )
    if count < 2:
        raise EvaluationError(f"There are {count} {name} images: nothing can be compared with them.")
    features = real.extract(encoder, np.arange(count), report)
    checked = {key: as_features(values, name) for key, values in {**real.features, encoder.name: features}.items()}
    for key, length in {"clusters": len(real.clusters), **{k: len(v) for k, v in checked.items()}}.items():
        if length != count:
            raise EvaluationError(f"There are {count} {name} images but {length} rows of their {key}.")
    return RealSet(real.images, np.asarray(real.clusters), checked)


def _check(model: Model, training: RealSet, held_out: RealSet, settings: Settings) -> None:
    if settings.samples < SAMPLES_LEAST:
        raise EvaluationError(f"{settings.samples} samples are too few: ask for at least {SAMPLES_LEAST}.")
    if training.images.shape[1:] != held_out.images.shape[1:]:
        raise EvaluationError(f"Training images are {training.images.shape[1:]}, held-out {held_out.images.shape[1:]}.")
    stored = held_out.features[model.encoder.name][:SAME_ENCODER_IMAGES]
    fresh = model.encoder(held_out.images[:SAME_ENCODER_IMAGES])
    same_shape = fresh.shape == stored.shape
    if not same_shape or np.linalg.norm(fresh - stored) > SAME_ENCODER_TOLERANCE * np.linalg.norm(stored):
        raise EvaluationError(
            "The encoder does not give the features that the statistics were made with: they belong to another "
            "encoder, so make the bundle's statistics again."
        )


def _plan(training: RealSet, held_out: RealSet, encoder: str, settings: Settings) -> _Plan:
    rng = np.random.default_rng(settings.seed)
    counts = np.bincount(training.clusters)
    # Shares as exact as whole numbers allow: drawn at random they would add their own noise to every number.
    bounds = np.round(np.cumsum(counts) / counts.sum() * settings.samples).astype(np.int64)
    requested = rng.permutation(np.repeat(np.arange(len(counts)), np.diff(bounds, prepend=0)))
    typical = np.zeros(len(counts), dtype=np.int64)
    for cluster in np.flatnonzero(counts):
        members = np.flatnonzero(training.clusters == cluster)
        features = training.features[encoder][members]
        typical[cluster] = members[np.linalg.norm(features - features.mean(axis=0), axis=1).argmin()]
    return _Plan(
        requested=requested,
        seeds=rng.choice(2**31, settings.samples, replace=False),
        held_out=rng.permutation(len(held_out.images)),
        training=rng.permutation(len(training.images))[: settings.samples],
        typical=typical,
    )


def _generate(
    model: Model,
    extractors: list[Extractor],
    plan: _Plan,
    *,
    shape: tuple[int, ...],
    settings: Settings,
    report: Progress,
) -> _Generated:
    total, kept = len(plan.requested), []
    parts: dict[str, list[Features]] = {e.name: [] for e in extractors}
    for start in range(0, total, settings.batch):
        rows = slice(start, start + settings.batch)
        images = model.generate(plan.requested[rows], plan.seeds[rows])
        if images.shape != (len(plan.seeds[rows]), *shape):
            raise EvaluationError(f"The generator gave images of the shape {images.shape}, the real ones are {shape}.")
        for extractor in extractors:
            parts[extractor.name].append(extractor(images))
        if start < settings.shapes:
            kept.append(images[: settings.shapes - start])
        report("generated samples", min(start + settings.batch, total), total)
    features = {name: as_features(np.concatenate(chunks), "generated") for name, chunks in parts.items()}
    assigned = np.asarray(model.assign(features[model.encoder.name]))
    return _Generated(features, assigned, np.concatenate(kept))


def _sides(
    extractor: Extractor,
    training: RealSet,
    held_out: RealSet,
    generated: _Generated,
    *,
    plan: _Plan,
    settings: Settings,
    report: Progress,
) -> Sides:
    typical = training.extract(extractor, plan.typical, silent)
    return Sides(
        extractor,
        held_out=held_out.extract(extractor, plan.held_out, report),
        held_out_clusters=held_out.clusters[plan.held_out],
        generated=generated.features[extractor.name],
        requested=plan.requested,
        training=training.extract(extractor, plan.training, report),
        training_clusters=training.clusters[plan.training],
        collapsed=typical[plan.requested],
        conditions={"split": settings.split, "seed": settings.seed},
    )


def _mirrored(model: Model, held_out: RealSet, plan: _Plan) -> Labels:
    """Return the clusters of the held-out images' mirror images, which are as real as they are."""
    mirrored = np.ascontiguousarray(held_out.images[plan.held_out][:, :, ::-1])
    return np.asarray(model.assign(model.encoder(mirrored)))


def _morphology(
    training: RealSet, held_out: RealSet, generated: _Generated, *, plan: _Plan, settings: Settings, report: Progress
) -> dict[str, Any]:
    """Return shapes and colours, measured in one go so that the processes start only once."""
    count = min(settings.shapes, len(generated.first), len(held_out.images), len(training.images))
    parts = [
        held_out.images[plan.held_out[:count]],
        generated.first[:count],
        training.images[plan.training[:count]],
        training.images[plan.typical],
    ]
    measured = morphology.measure(np.concatenate(parts), settings.workers, report)
    real, fake, floor, typical = measured.split([len(part) for part in parts])
    conditions: Entry = {"split": settings.split, "seed": settings.seed}
    return comparison.shapes(real, fake, floor, typical.take(plan.requested[:count]), conditions=conditions)
