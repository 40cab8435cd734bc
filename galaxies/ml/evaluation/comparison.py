"""Each number between its floor and its ceiling.

The floor is what real images score against real ones: training images in the place of the generated. The ceiling is
what a collapsed generator scores: per cluster one image, repeated. That image is the most typical training image of
the cluster, so the ceiling does not depend on the model, and none looks better beside it for being bad. `better` says
which way is good. A collapsed generator is precise all the same, which is why no number is shown alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np

from galaxies.ml.arrays import Features, Labels
from galaxies.ml.evaluation import metrics
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.morphology import COLOUR_UNIT, COLOURS, SHAPES, SIDE, SOURCE, Morphology, wasserstein

Entry = dict[str, Any]

FID_LEAST = 1000
PRDC_BLOCKS = 10
MEMORISED_PERCENT = 1.0
DRAWN = 250  # galaxies of each side whose values a page draws, and ranks one galaxy among


@dataclass(frozen=True)
class Sides:
    """The features of one extractor that are compared, each side in random order.

    held_out: (M, d), generated: (N, d), training: at most (N, d), collapsed: (N, d). `requested` are the clusters that
    both the generated and the collapsed samples were asked for. `conditions` go into every entry. rulers: (M, d) each,
    row by row those of `held_out` at lower resolution (galaxies.ml.evaluation.rulers).
    """

    extractor: Extractor
    held_out: Features
    held_out_clusters: Labels
    generated: Features
    requested: Labels
    training: Features
    training_clusters: Labels
    collapsed: Features
    conditions: dict[str, Any] = field(default_factory=dict)
    rulers: Mapping[str, Features] = field(default_factory=dict)

    @property
    def equal(self) -> int:
        """The size at which all sides have that many samples."""
        return min(len(self.held_out), len(self.generated), len(self.training))

    def between(self, compare: Callable[[Features, Features], float]) -> dict[str, float]:
        """Return value, floor and ceiling of `compare(held-out, other side)`."""
        return {
            "value": compare(self.held_out, self.generated),
            "floor": compare(self.held_out, self.training),
            "ceiling": compare(self.held_out, self.collapsed),
        }

    def entry(self, numbers: dict[str, Any], better: str, **more: Any) -> Entry:
        """Return the numbers with all that must be known to read them."""
        return {
            **numbers,
            "better": better,
            "extractor": self.extractor.name,
            "extractor_version": self.extractor.version,
            "extractor_label": self.extractor.label or self.extractor.name,
            "resize": self.extractor.resize,
            "n_real": len(self.held_out),
            "n_generated": len(self.generated),
            "n_floor": len(self.training),
            **self.conditions,
            **more,
        }


def distances(sides: Sides, *, seed: int, k: int, subsets: int, subset_size: int) -> dict[str, Entry]:
    """Return `fid`, `kid`, `kid_per_cluster`, `precision`, `recall`, `density`, `coverage` and `two_sample`."""
    return {
        "fid": fid(sides),
        "kid": kid(sides, seed, subsets, subset_size),
        "kid_per_cluster": kid_per_cluster(sides, seed, subsets, subset_size),
        **prdc(sides, k),
        "two_sample": two_sample(sides, seed),
    }


def fid(sides: Sides) -> Entry:
    """Return FID, or why there is none. It falls as N grows: where the floor has fewer samples than the value,
    `value_at_n_floor` is the FID of as many generated samples as the floor has."""
    if len(sides.generated) < FID_LEAST:
        reason = f"FID needs at least {FID_LEAST:,} generated samples, and there are {len(sides.generated)}: read KID."
        return sides.entry({"value": None, "floor": None, "ceiling": None}, "lower", reason=reason)
    real = metrics.moments(sides.held_out)

    def compare(_: Features, other: Features) -> float:
        return metrics.frechet_distance(*real, *metrics.moments(other))

    fewer = len(sides.training) < len(sides.generated)
    same = {"value_at_n_floor": compare(sides.held_out, sides.generated[: len(sides.training)])} if fewer else {}
    return sides.entry(sides.between(compare), "lower", **same)


def kid(sides: Sides, seed: int, subsets: int, size: int) -> Entry:
    """Return KID: mean and standard deviation over subsets, and those of the rulers with the ratio to each."""
    size = min(size, sides.equal // 2)
    numbers: dict[str, float] = {}
    others = {"": sides.generated, "floor": sides.training, "ceiling": sides.collapsed}
    for name, other in others.items():
        mean, std = metrics.kernel_distance_subsets(sides.held_out, other, subsets, size, seed=seed)
        numbers |= {name or "value": mean, f"{name}_std".lstrip("_"): std}
    rulers = {
        name: _ruler(sides, name, numbers["value"], subsets=subsets, size=size, seed=seed) for name in sides.rulers
    }
    more = {"rulers": rulers} if rulers else {}
    return sides.entry(numbers, "lower", subsets=subsets, subset_size=size, **more)


def _ruler(sides: Sides, name: str, value: float, *, subsets: int, size: int, seed: int) -> dict[str, float | None]:
    ruler = sides.rulers[name]
    mean, std = metrics.kernel_distance_subsets(sides.held_out, ruler, subsets, size, seed=seed, paired=True)
    return {"value": mean, "std": std, "ratio": value / mean if mean > 0 else None}


def kid_per_cluster(sides: Sides, seed: int, subsets: int, size: int) -> Entry:
    """Return KID of every cluster's real images against the samples asked for it; `reason` where there are too few."""
    found: Entry = {}
    for cluster in np.unique(np.concatenate([sides.requested, sides.held_out_clusters])):
        real, asked = sides.held_out_clusters == cluster, sides.requested == cluster
        known = sides.training_clusters == cluster
        part = Sides(
            sides.extractor,
            sides.held_out[real],
            sides.held_out_clusters[real],
            sides.generated[asked],
            sides.requested[asked],
            sides.training[known],
            sides.training_clusters[known],
            sides.collapsed[asked],
            sides.conditions,
        )
        if part.equal < metrics.MIN_PER_CLUSTER:
            reason = f"Fewer than {metrics.MIN_PER_CLUSTER} images on a side: too few for a number."
            found[str(cluster)] = part.entry({"value": None, "floor": None, "ceiling": None}, "lower", reason=reason)
        else:
            found[str(cluster)] = kid(part, seed, subsets, size)
    return found


def prdc(sides: Sides, k: int) -> dict[str, Entry]:
    """Return precision, recall, density and coverage at equal sample sizes.

    They depend on the sizes of both sides, so the larger side is cut into blocks as large as the smaller one and the
    mean over at most ten blocks is reported.
    """
    size = sides.equal
    real = sides.held_out[:size]
    blocks = min(PRDC_BLOCKS, len(sides.generated) // size)

    def mean_over_blocks(other: Features) -> dict[str, float]:
        count = min(PRDC_BLOCKS, len(other) // size)
        rows = [metrics.prdc(real, other[i * size : (i + 1) * size], k) for i in range(count)]
        return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}

    value, floor, ceiling = (mean_over_blocks(side) for side in (sides.generated, sides.training, sides.collapsed))
    more = {"k": k, "n_real": size, "n_generated": blocks * size, "n_per_block": size}
    return {
        name: sides.entry({"value": value[name], "floor": floor[name], "ceiling": ceiling[name]}, "higher", **more)
        for name in value
    }


def memorisation(sides: Sides, reference: Features) -> Entry:
    """Return the share of samples nearer to a training image than the 1st percentile of held-out real images.

    reference: the features of all training images. The floor takes the percentile from one half of the held-out images
    and the share from the other. The ceiling is 1: the collapsed generator's images are training images.
    `nearest_held_out` are the percentiles 0 to 100 of the held-out images' distances, `nearest_generated` the samples'.
    """
    held_out = metrics.nearest_distances(sides.held_out, reference)
    generated = metrics.nearest_distances(sides.generated, reference)
    collapsed = metrics.nearest_distances(sides.collapsed, reference)
    halves = held_out[::2], held_out[1::2]
    crossed = [metrics.share_below(a, b, MEMORISED_PERCENT) for a, b in (halves, halves[::-1])]
    numbers = {
        "value": metrics.share_below(generated, held_out, MEMORISED_PERCENT),
        "floor": float(np.mean(crossed)),
        "ceiling": metrics.share_below(collapsed, held_out, MEMORISED_PERCENT),
    }
    percents = np.arange(101)
    return sides.entry(
        numbers,
        "lower",
        n_training=len(reference),
        n_floor=len(held_out),
        percentile=MEMORISED_PERCENT,
        nearest_held_out=np.percentile(held_out, percents).tolist(),
        nearest_generated=np.percentile(generated, percents).tolist(),
    )


def near_duplicates(sides: Sides) -> Entry:
    """Return the share of pairs of one cluster that are closer than 1 % of the real pairs of that cluster."""
    real, real_clusters = sides.held_out, sides.held_out_clusters
    numbers = {
        "value": metrics.near_duplicates(sides.generated, sides.requested, real, real_clusters),
        "floor": metrics.near_duplicates(sides.training, sides.training_clusters, real, real_clusters),
        "ceiling": metrics.near_duplicates(sides.collapsed, sides.requested, real, real_clusters),
    }
    return sides.entry(numbers, "lower")


def two_sample(sides: Sides, seed: int) -> Entry:
    """Return how often a classifier tells real from generated: 0.5 is chance, 1 is always."""
    numbers = sides.between(lambda real, other: metrics.two_sample_accuracy(real, other, seed))
    size = min(len(sides.held_out), len(sides.generated))
    return sides.entry(numbers, "lower", n_real=size, n_generated=size, n_floor=sides.equal)


def cluster_fidelity(sides: Sides, assigned: Labels, seen_again: Labels) -> Entry:
    """Return the share of samples whose features fall into the cluster they were asked for.

    assigned: (N,) of the generated samples; seen_again: (M,) of the held-out images' mirror images. Unlike elsewhere
    the ceiling is the best there is, real images that keep their cluster when mirrored, and the floor is chance.
    """
    hit = assigned == sides.requested
    shares = np.bincount(sides.requested) / len(sides.requested)
    numbers = {
        "value": float(hit.mean()),
        "floor": float((shares**2).sum()),
        "ceiling": float((seen_again == sides.held_out_clusters).mean()),
    }
    clusters = {str(c): float(hit[sides.requested == c].mean()) for c in np.unique(sides.requested)}
    return sides.entry(numbers, "higher", n_floor=len(sides.generated), per_cluster=clusters)


def usefulness(sides: Sides) -> Entry:
    """Return how often a classifier of families that learned from generated images is right about held-out ones.

    The label of a generated image is the family it was asked for. The ceiling, the best there is, is a classifier that
    learned from as many real images; the floor is the share of the commonest family.
    """
    size = min(len(sides.generated), len(sides.training))
    real, named = sides.held_out, sides.held_out_clusters
    right = metrics.named_rightly(sides.generated[:size], sides.requested[:size], real, named)
    best = metrics.named_rightly(sides.training[:size], sides.training_clusters[:size], real, named)
    numbers = {
        "value": float(right.mean()),
        "floor": float(np.unique(named, return_counts=True)[1].max() / len(named)),
        "ceiling": float(best.mean()),
    }
    clusters = {str(c): float(right[named == c].mean()) for c in np.unique(named)}
    return sides.entry(numbers, "higher", n_generated=size, n_floor=size, per_cluster=clusters)


def shapes(
    real: Morphology, fake: Morphology, floor: Morphology, collapsed: Morphology, *, conditions: dict[str, Any]
) -> dict[str, Entry]:
    """Return `morphology` and `colour` (Wasserstein distances in the unit of each measure), the numbers of failures as
    `morphology_counts`, and the values of the first DRAWN of both sides, image by image, as `distributions`."""

    def entry(measure: str, unit: str) -> Entry:
        held_out = real.column(measure)
        sides = {"value": fake, "floor": floor, "ceiling": collapsed}
        return {
            **{name: wasserstein(held_out, side.column(measure)) for name, side in sides.items()},
            "better": "lower",
            "unit": unit,
            "extractor": SOURCE,
            "extractor_version": version(SOURCE),
            "resize": f"area, to {SIDE} px where larger",
            "n_real": real.counts()["measured"],
            "n_generated": fake.counts()["measured"],
            "n_floor": floor.counts()["measured"],
            **conditions,
        }

    named = {"held_out": real, "generated": fake, "training": floor}
    return {
        "morphology": {measure: entry(measure, unit) for measure, (_, unit) in SHAPES.items()},
        "colour": {measure: entry(measure, COLOUR_UNIT) for measure in COLOURS},
        "morphology_counts": {name: side.counts() for name, side in named.items()},
        "distributions": {name: side.first(DRAWN).table() for name, side in list(named.items())[:2]},
    }
