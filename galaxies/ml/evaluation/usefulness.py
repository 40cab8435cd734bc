"""Whether generated galaxies help to learn: a small classifier trained on real ones, on generated ones, and on both.

    learned = learn_from(bundle, data, Lessons(steps=600), report=print)
    print(table(learned))

Tested on held-out real galaxies that have a class, as papers on synthetic training sets do (Ravuri & Vinyals 2019). A
generated galaxy has no class of its own: it gets that of most of its nearest labelled training images in the features
of the bundle's encoder, which has seen no label.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from galaxies.ml.arrays import Floats, Images, Labels, Progress, silent
from galaxies.ml.bundle import Bundle, family_of
from galaxies.ml.data.records import Dataset
from galaxies.ml.data.resize import area_resize
from galaxies.ml.evaluation.metrics import EvaluationError

SOURCES = ("real", "generated", "both")
LEAST_TRAINING, LEAST_TEST = 20, 5  # images of a class, without which it is left out


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """How the classifiers learn: as many steps from each source, so that none has more time.

    seeds: of the classifiers; first: seed of the first generated galaxy.
    """

    seeds: int = 5
    steps: int = 600
    batch: int = 64
    side: int = 64
    channels: tuple[int, ...] = (16, 32, 64, 64)
    neighbours: int = 15
    psi: float = 1.0
    first: int = 8_000_000


@dataclass(frozen=True)
class _Examples:
    images: Images
    labels: Labels

    def __add__(self, other: _Examples) -> _Examples:
        return _Examples(np.concatenate([self.images, other.images]), np.concatenate([self.labels, other.labels]))


def learn_from(
    bundle: Bundle, data: Dataset, lessons: Lessons | None = None, report: Progress = silent
) -> dict[str, Any]:
    """Return accuracy and balanced accuracy of each of SOURCES with every seed, and the conditions.

    Raises: EvaluationError if there are too few images with a class.
    """
    lessons = lessons or Lessons()
    classes = usual_classes(data)
    train, test = (_labelled(data, rows, classes) for rows in (data.train, np.flatnonzero(data.held_out)))
    real, held_out = (_Examples(_small(data.images[rows], lessons), labels) for rows, labels in (train, test))
    known = bundle.features(data.images[train[0]])
    generated = _generated(bundle, lessons, known=known, labels=real.labels)
    sources = {"real": real, "generated": generated, "both": real + generated}
    found: dict[str, Any] = {
        "classes": list(classes),
        "n_training": len(real.labels),
        "n_generated": len(generated.labels),
        "n_test": len(held_out.labels),
        "lessons": asdict(lessons),
    }
    for source, examples in sources.items():
        scores = []
        for seed in range(lessons.seeds):
            scores.append(_score(_learn(examples, len(classes), lessons, seed), held_out, len(classes)))
            report(f"learning from {source}", seed + 1, lessons.seeds)
        found[source] = {
            name: {"mean": float(np.mean(each)), "std": float(np.std(each, ddof=1)) if len(each) > 1 else None,
                   "values": [round(float(value), 5) for value in each]}
            for name, each in zip(("accuracy", "balanced_accuracy"), np.array(scores).T, strict=True)
        }  # fmt: skip
    return found


def usual_classes(data: Dataset) -> tuple[str, ...]:
    """Return the classes that occur often enough on both sides. Raises: EvaluationError if there are not two."""
    train = Counter(data.labels[i] for i in data.train if data.labels[i])
    test = Counter(data.labels[i] for i in np.flatnonzero(data.held_out) if data.labels[i])
    classes = sorted(name for name in train if train[name] >= LEAST_TRAINING and test[name] >= LEAST_TEST)
    if len(classes) < 2:
        raise EvaluationError(
            f"A classifier needs two classes with {LEAST_TRAINING} training images and {LEAST_TEST} held-out ones, and "
            f"these images have {len(classes)}: give images with labels."
        )
    return tuple(classes)


def _labelled(data: Dataset, rows: Any, classes: tuple[str, ...]) -> tuple[Labels, Labels]:
    numbers = {name: number for number, name in enumerate(classes)}
    kept = np.array([i for i in rows if data.labels[i] in numbers], np.int64)
    return kept, np.array([numbers[data.labels[i]] for i in kept], np.int64)


def _small(images: Images, lessons: Lessons) -> Images:
    return area_resize(images, lessons.side) if images.shape[1] > lessons.side else images


def _generated(bundle: Bundle, lessons: Lessons, *, known: Floats, labels: Labels) -> _Examples:
    """Return as many generated galaxies as labelled ones, by the families' shares, with their neighbours' class."""
    seeds = list(range(lessons.first, lessons.first + len(labels)))
    shares = [family.share for family in bundle.families]
    small, classes = [], []
    for start in range(0, len(seeds), 256):
        some = seeds[start : start + 256]
        images = bundle.sample([family_of(seed, shares) for seed in some], some, lessons.psi)
        classes.append(_nearest_class(bundle.features(images), known, labels, lessons.neighbours))
        small.append(_small(images, lessons))
    return _Examples(np.concatenate(small), np.concatenate(classes))


def _nearest_class(features: Floats, known: Floats, labels: Labels, neighbours: int) -> Labels:
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    a, b = (features - mean) / deviation, (known - mean) / deviation
    distances = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : min(neighbours, len(known))]
    return np.array([np.bincount(labels[row]).argmax() for row in nearest], np.int64)


def _learn(examples: _Examples, n_classes: int, lessons: Lessons, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    stack: list[Any] = [keras.Input((*examples.images.shape[1:],)), layers.Rescaling(1 / 127.5, -1)]
    for channels in lessons.channels:
        stack += [layers.Conv2D(channels, 3, padding="same", use_bias=False), layers.BatchNormalization(momentum=0.9)]
        stack += [layers.ReLU(), layers.MaxPooling2D()]
    model = keras.Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(n_classes)])
    rate = keras.optimizers.schedules.CosineDecay(2e-3, lessons.steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    for _ in range(lessons.steps):
        rows = rng.integers(len(examples.labels), size=lessons.batch)
        model.train_on_batch(_turned(examples.images[rows], rng), examples.labels[rows])
    return model


def _turned(images: Images, rng: np.random.Generator) -> Images:
    """Turn a batch by a quarter or more and mirror it, at random: the sky has no up."""
    images = np.rot90(images, int(rng.integers(4)), axes=(1, 2))
    return np.ascontiguousarray(images[:, :, ::-1] if rng.integers(2) else images)


def _score(model: keras.Model, test: _Examples, n_classes: int) -> tuple[float, float]:
    """Return accuracy, and its mean over the classes."""
    right = np.asarray(model.predict(test.images, batch_size=256, verbose=0)).argmax(axis=1) == test.labels
    return float(right.mean()), float(np.mean([right[test.labels == c].mean() for c in range(n_classes)]))


def table(learned: dict[str, Any]) -> str:
    """Return the result as a table for a terminal."""
    names = ", ".join(learned["classes"])
    lines = [f"{learned['n_test']:,} held-out real galaxies; classes {names}; {learned['lessons']['seeds']} seeds"]
    lines.append(f"{'learned from':14}{'images':>8}{'accuracy':>18}{'balanced':>18}")
    sizes = {"real": learned["n_training"], "generated": learned["n_generated"]}
    sizes["both"] = sum(sizes.values())
    for source in SOURCES:
        cells = [_cell(learned[source][name]) for name in ("accuracy", "balanced_accuracy")]
        lines.append(f"{source:14}{sizes[source]:8,}{cells[0]:>18}{cells[1]:>18}")
    return "\n".join(lines)


def _cell(score: dict[str, Any]) -> str:
    spread = "" if score["std"] is None else f" ± {100 * score['std']:.1f}"
    return f"{100 * score['mean']:.1f}{spread} %"
