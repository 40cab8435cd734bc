"""Compare one galaxy with real ones: the distance to its nearest training image, and its shape among theirs.

    comparison = compare(galaxy)            # None where its model has not been measured; raises Busy

FID and KID need thousands of images: they belong to a model and are on its page.
"""

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from galaxies.charts import Strip, figure, percentile, strip
from galaxies.jobs import Image
from galaxies.ml.arrays import Features
from galaxies.ml.bundle import METRICS, Bundle, read_manifest
from galaxies.models import Galaxy
from galaxies.serving import Busy, service
from nebulai.numbers import percent

if TYPE_CHECKING:
    from galaxies.ml.evaluation.of_bundle import Standardizer

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600
RETRY_SECONDS = 2
# A shape takes half a second of a core: measured one at a time, so that the rest of the process stays responsive.
_measuring = threading.Lock()


# The distance to the nearest training image in the encoder's features; the shape by measure, None if it has none.
Measured = tuple[float, dict[str, float] | None]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A value as a dot on the distribution of real galaxies, and a sentence that says where it is."""

    name: str
    sentence: str
    left: str
    right: str
    strip: Strip


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A galaxy beside real ones.

    nearness: None if the model was measured on images other than it was trained on.
    shapes: () if none could be measured.
    n_real, n_shapes: numbers of real galaxies that the two are compared with.
    real_failed, generated_failed: percent of galaxies that have no measurable shape, as text.
    """

    nearness: Fact | None
    shapes: tuple[Fact, ...]
    n_real: int
    n_shapes: int
    real_failed: str
    generated_failed: str
    shape_source: str


# measure -> name, what more and what less of it is, and the two ends of its axis
SHAPE_FACTS = {
    "gini": (
        gettext_noop("Gathering of light"),
        gettext_noop("Its light is gathered in fewer pixels than that of %(others)s."),
        gettext_noop("Its light is more spread out than that of %(others)s."),
        gettext_noop("spread out"),
        gettext_noop("gathered"),
    ),
    "m20": (
        gettext_noop("Bright spots"),
        gettext_noop("Its brightest spots lie farther out than those of %(others)s."),
        gettext_noop("Its brightest spots lie nearer the centre than those of %(others)s."),
        gettext_noop("centre"),
        gettext_noop("far out"),
    ),
    "blue_red": (
        gettext_noop("Colour"),
        gettext_noop("It is redder than %(others)s."),
        gettext_noop("It is bluer than %(others)s."),
        gettext_noop("bluer"),
        gettext_noop("redder"),
    ),
}


def compare(galaxy: Galaxy) -> Comparison | None:
    """Measure a galaxy, or use its cached measures, and compare it with the real galaxies of its model's metrics.json.

    Returns: None if its model has not been measured.
    Raises: Busy if the generator cannot answer now, or another galaxy is being measured.
    """
    metrics = read_metrics(galaxy.model_version.path)
    if metrics is None or "distributions" not in metrics:
        return None
    distance, shape = _measured(galaxy)
    real = metrics["distributions"]["held_out"]
    nearest = metrics["memorisation"]["nearest_held_out"] if metrics.get("same_images") else None
    counts = metrics["morphology_counts"]
    return Comparison(
        nearness=_nearness(distance, nearest) if nearest else None,
        shapes=tuple(_shape(measure, value, real[measure]) for measure, value in (shape or {}).items()),
        n_real=metrics["conditions"]["n_held_out"],
        n_shapes=counts["held_out"]["measured"],
        real_failed=_failed(counts["held_out"]),
        generated_failed=_failed(counts["generated"]),
        shape_source=f"statmorph {metrics['conditions']['versions']['statmorph']}",
    )


def _failed(counts: Mapping[str, int]) -> str:
    return figure(counts["failed"] / max(1, counts["failed"] + counts["measured"]), percent=True)


def read_metrics(path: Path) -> dict[str, Any] | None:
    """Return metrics.json of the bundle in folder `path`, None if it is not there or cannot be read."""
    file = path / METRICS
    try:
        return _read(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        logger.exception("%s cannot be read: measure the model again with manage.py evaluate.", file)
        return None


@lru_cache(maxsize=4)
def _read(file: Path, modified: int) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads(file.read_text())
    return metrics


def _measured(galaxy: Galaxy) -> Measured:
    key = f"facts:{galaxy.public_id}:{galaxy.model_version.checksum[:16]}"
    known: Measured | None = cache.get(key)
    if known is None:
        if not _measuring.acquire(blocking=False):
            raise Busy(_("Another galaxy is being measured; try again in a moment."), RETRY_SECONDS)
        try:
            known = _measure(galaxy)
        finally:
            _measuring.release()
        cache.set(key, known, KEPT_SECONDS)
    return known


def _measure(galaxy: Galaxy) -> Measured:
    # Imports take a second, which only a measurement needs
    from galaxies.ml.evaluation.metrics import nearest_distances

    version = galaxy.model_version
    image = service().sample(galaxy.recipe)
    standard, training = _training_features(version.path, version.checksum)
    features = standard(service().features(version.version, image)[None])
    return float(nearest_distances(features, training)[0]), _shape_of(image)


def _shape_of(image: Image) -> dict[str, float] | None:
    from galaxies.ml.evaluation.morphology import BAD, measure

    found = measure(image[None])
    if found.flags[0] >= BAD:
        return None
    return {name: float(found.column(name)[0]) for name in SHAPE_FACTS}


@lru_cache(maxsize=2)
def _training_features(path: Path, checksum: str) -> "tuple[Standardizer, Features]":
    from galaxies.ml.evaluation.of_bundle import Standardizer

    bundle = Bundle(path, read_manifest(path))
    standard = Standardizer.of(bundle)
    return standard, standard(bundle.real.features[~bundle.real.held_out])


def _nearness(distance: float, percentiles: list[float]) -> Fact:
    """Return the fact of a distance. percentiles: 0 to 100, of held-out galaxies' distances to the same images."""
    drawn = strip(percentiles, value=distance)
    share = percentile(percentiles, distance)
    if share < 1:
        sentence = _("It is nearer to a training image than %(share)s of real galaxies are: it may be a copy.") % {
            "share": percent(99)
        }
    elif share > 99:
        sentence = _(
            "It is farther from every training image than %(share)s of real galaxies are: it is unlike any of them."
        ) % {"share": percent(99)}
    else:
        sentence = _("It is farther from its nearest training image than %(share)s of real galaxies are: no copy.") % {
            "share": percent(share)
        }
    return Fact(name=_("Nearest real galaxy"), sentence=sentence, left=_("a copy"), right=_("unlike any"), strip=drawn)


def _shape(measure: str, value: float, real: list[float]) -> Fact:
    name, more, less, left, right = SHAPE_FACTS[measure]
    below = percentile(real, value)
    share = max(below, 100 - below)
    others = _("all real galaxies") if share > 99.5 else _("%(share)s of real galaxies") % {"share": percent(share)}
    sentence = _(more if below >= 50 else less) % {"others": others}
    return Fact(name=_(name), sentence=sentence, left=_(left), right=_(right), strip=strip(real, value=value))
