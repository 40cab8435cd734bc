"""Evaluate a bundle on the images it was trained beside, and keep the numbers in its folder.

from galaxies.ml.bundle import load_bundle
metrics = evaluate_bundle(load_bundle(path), data, Settings(samples=10_000), report=print)
write_metrics(path, metrics)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from galaxies.ml.arrays import Floats, Images, Labels, Progress, silent
from galaxies.ml.bundle import METRICS, Bundle, sha256
from galaxies.ml.data.records import Dataset
from galaxies.ml.evaluation.evaluate import Generate, Model, RealSet, Settings, evaluate
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.metrics import EvaluationError
from galaxies.ml.kid_in_words import sentence

EVALUATION_PSI = 1.0
LEARNED_FROM = "learned_from"  # what galaxies.ml.evaluation.usefulness finds, in metrics.json


@dataclass(frozen=True)
class Standardizer:
    """Features with mean 0 and standard deviation 1 over the training images: (N, d) <-> (N, d).

    KID's cubic kernel is blind to all but the mean where features are small, so their scale must not be an accident.
    """

    mean: Floats
    deviation: Floats

    @classmethod
    def of(cls, bundle: Bundle) -> Standardizer:
        """Return the scale of a bundle's training images."""
        training = bundle.real.features[~bundle.real.held_out]
        return cls(training.mean(axis=0), np.maximum(training.std(axis=0), 1e-6))

    def __call__(self, features: Floats) -> Floats:
        return np.asarray((features - self.mean) / self.deviation, np.float32)

    def undo(self, features: Floats) -> Floats:
        """Return the features as the encoder gave them."""
        return np.asarray(features * self.deviation + self.mean, np.float32)


def encoder_of(bundle: Bundle, standard: Standardizer) -> Extractor:
    """Return the bundle's own encoder as an extractor."""
    side = bundle.manifest["encoder"]["resolution"]
    version = f"{bundle.version} {sha256(bundle.path / 'encoder.npz')[:12]}, standardised"
    label = f"the model's own encoder, which sees form alone, at {side} px"
    return Extractor(lambda images: standard(bundle.features(images)), "encoder", version, f"area, to {side} px", label)


def evaluate_bundle(
    bundle: Bundle,
    data: Dataset,
    settings: Settings,
    extractor: Extractor | None = None,
    *,
    report: Progress = silent,
    generate: Generate | None = None,
) -> dict[str, Any]:
    """Return all numbers of `metrics.json`, at psi 1 and with the families in their real shares.

    The split is that of the file checksums, so no image that trained the bundle stands on the real side. `generate`
    stands in the place of the bundle's generator, so that another one is measured by the same rule.
    Raises: EvaluationError in one sentence if the images do not allow it.
    """
    if data.resolution != bundle.resolution:
        raise EvaluationError(f"The images are {data.resolution} px and the model generates {bundle.resolution} px.")
    same = data.fingerprint == bundle.manifest["data"]["fingerprint"]
    # The features are in the order of the training; files that were renamed since come in another.
    same = same and np.array_equal(data.held_out, bundle.real.held_out)
    features = bundle.real.features if same else bundle.features(data.images)
    clusters = bundle.assign(features)
    standard = Standardizer.of(bundle)
    training, held_out = (
        RealSet(data.images[rows], clusters[rows], {"encoder": standard(features[rows])})
        for rows in (data.train, np.flatnonzero(data.held_out))
    )

    def sample(asked: Labels, seeds: Labels) -> Images:
        return bundle.sample(asked.tolist(), seeds.tolist(), EVALUATION_PSI)

    model = Model(generate or sample, encoder_of(bundle, standard), lambda found: bundle.assign(standard.undo(found)))
    return {
        **evaluate(model, training, held_out, settings, extractor=extractor, report=report),
        "psi": EVALUATION_PSI,
        "same_images": same,
    }


def write_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Keep the numbers beside the bundle's files; no checksum covers them, since they may be measured again.

    What was measured apart from `evaluate_bundle` stays.
    """
    if LEARNED_FROM not in metrics and (kept := _read(path).get(LEARNED_FROM)):
        metrics = {**metrics, LEARNED_FROM: kept}
    partial = path / f".{METRICS}.partial"
    partial.write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    partial.replace(path / METRICS)


def _read(path: Path) -> dict[str, Any]:
    try:
        metrics = json.loads((path / METRICS).read_text())
    except (OSError, ValueError):
        return {}
    return metrics if isinstance(metrics, dict) else {}


def add_learned_from(path: Path, learned: dict[str, Any]) -> None:
    """Keep what `usefulness` found among a bundle's numbers."""
    write_metrics(path, {**_read(path), LEARNED_FROM: learned})


def summary(metrics: dict[str, Any]) -> str:
    """Return the overall numbers as a table for a terminal."""
    names = ("fid", "kid", "precision", "recall", "density", "coverage", "two_sample")
    more = ("usefulness", "memorisation", "cluster_fidelity", "near_duplicates")
    lines = [f"{'':18}{'value':>10}{'floor':>10}{'ceiling':>10}  extractor, real / generated"]
    lines += [_line(name, metrics[name]) for name in (*names, *more) if name in metrics]
    lines += _ruler_lines(metrics["kid"])
    for other in metrics["other_extractors"].values():
        lines += [_line(name, other[name]) for name in names if name in other]
        lines += _ruler_lines(other["kid"])
    for plane, entry in metrics.get("spectra", {}).items():
        lines.append(_line(plane, entry))
        for ratio in ("spread_ratio", "power_ratio"):
            finest = " ".join(f"{value:.2f}" for value in entry[ratio][-4:])
            lines.append(f"  {ratio.replace('_', ' ')}, generated / real, finest four bands: {finest}")
    lines += [_line(name, entry) for name, entry in {**metrics["morphology"], **metrics["colour"]}.items()]
    lines += [f"morphology of {side}: {c['measured']} measured, {c['suspect']} suspect, {c['failed']} failed"
              for side, c in metrics["morphology_counts"].items()]  # fmt: skip
    return "\n".join(lines)


def _line(name: str, entry: dict[str, Any]) -> str:
    numbers = ("         -" if entry[k] is None else f"{entry[k]:10.4f}" for k in ("value", "floor", "ceiling"))
    return f"{name:18}{''.join(numbers)}  {entry['extractor']}, {entry['n_real']:,} / {entry['n_generated']:,}"


def _ruler_lines(kid: dict[str, Any]) -> list[str]:
    lines = [
        f"  KID of real images {name} and enlarged again: {ruler['value']:.4f}"
        + (f"; the model's is {ruler['ratio']:.2f} times that" if ruler["ratio"] is not None else "")
        for name, ruler in kid.get("rulers", {}).items()
    ]
    return [*lines, f"  {sentence(kid)}"] if lines else []
