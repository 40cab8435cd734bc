"""The content of a model's page, from its manifest and its metrics.json.

page = read(version)                                    # raises BundleError if its manifest cannot be read
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from galaxies import extractors, spectra, uses
from galaxies.charts import Gauge, Strip, figure, gauge, strip
from galaxies.extractors import ENCODER, by_extractor
from galaxies.facts import read_metrics
from galaxies.family_words import family_name
from galaxies.ml.bundle import read_manifest
from galaxies.ml.kid_in_words import IN_WORDS, sentence
from galaxies.models import ModelVersion
from galaxies.sentences import in_words
from galaxies.training.phases import title
from nebulai.numbers import number
from nebulai.numbers import percent as in_percent

# name in metrics.json -> title, what it means and which direction is good, whether it is a share
WHOLE = {
    "kid": (
        gettext_noop("KID"),
        gettext_noop("How far the generated galaxies as a whole are from real ones. Close to 0 is good."),
        False,
    ),
    "fid": (
        gettext_noop("FID"),
        gettext_noop("The same question, answered by averages and spreads alone. Lower is better."),
        False,
    ),
    "two_sample": (
        gettext_noop("Told apart"),
        gettext_noop("How often a simple classifier tells generated from real. %(half)s is guessing; lower is better."),
        True,
    ),
}
QUALITY = {
    "precision": (
        gettext_noop("Precision"),
        gettext_noop("How many generated galaxies look like some real one, even if they repeat. Higher is better."),
        True,
    ),
    "density": (
        gettext_noop("Density"),
        gettext_noop("Precision that one odd image cannot fool: about 1 among real ones. Higher is better."),
        False,
    ),
    "recall": (
        gettext_noop("Recall"),
        gettext_noop("How many real galaxies look like some generated one. Higher means more variety."),
        True,
    ),
    "coverage": (
        gettext_noop("Coverage"),
        gettext_noop("How many real galaxies have a generated one beside them. Higher is better."),
        True,
    ),
}
ITSELF = {
    "usefulness": (
        gettext_noop("Useful to learn from"),
        gettext_noop(
            "How often a classifier of families that learned from generated galaxies is right about real ones. Higher "
            "is better."
        ),
        True,
    ),
    "cluster_fidelity": (
        gettext_noop("The right family"),
        gettext_noop("How often a galaxy is of the family it was generated for. Higher is better."),
        True,
    ),
    "memorisation": (
        gettext_noop("Copies"),
        gettext_noop(
            "How many generated galaxies are nearer to a training image than %(most)s of new real ones. Lower is "
            "better."
        ),
        True,
    ),
    "near_duplicates": (
        gettext_noop("Repetition"),
        gettext_noop("How many pairs of one family are more alike than %(most)s of such real pairs. Lower is better."),
        True,
    ),
}
SHAPES = {
    "gini": (gettext_noop("Gathering of light (Gini)"), gettext_noop("spread out"), gettext_noop("gathered")),
    "m20": (gettext_noop("Bright spots (M20)"), gettext_noop("centre"), gettext_noop("far out")),
    "concentration": (gettext_noop("Concentration"), gettext_noop("even"), gettext_noop("bright core")),
    "asymmetry": (gettext_noop("Asymmetry"), gettext_noop("symmetric"), gettext_noop("lopsided")),
    "smoothness": (gettext_noop("Clumps (smoothness)"), gettext_noop("smooth"), gettext_noop("clumpy")),
    "ellipticity": (gettext_noop("Ellipticity"), gettext_noop("round"), gettext_noop("elongated")),
    "half_light_radius": (gettext_noop("Half-light radius"), gettext_noop("small"), gettext_noop("large")),
    "blue_green": (gettext_noop("Blue against green"), gettext_noop("bluer"), gettext_noop("greener")),
    "green_red": (gettext_noop("Green against red"), gettext_noop("greener"), gettext_noop("redder")),
    "blue_red": (gettext_noop("Blue against red"), gettext_noop("bluer"), gettext_noop("redder")),
}
CONDITIONS = {
    "extractor_label": gettext_noop("Seen by"),
    "extractor_version": gettext_noop("Version"),
    "resize": gettext_noop("Images resized"),
    "n_real": gettext_noop("Real images, held out"),
    "n_generated": gettext_noop("Generated images"),
    "n_floor": gettext_noop("Images of the real comparison"),
    "n_training": gettext_noop("Training images"),
    "n_per_block": gettext_noop("Images compared at a time"),
    "k": gettext_noop("Neighbours"),
    "subsets": gettext_noop("Subsets"),
    "subset_size": gettext_noop("Images in a subset"),
    "std": gettext_noop("Standard deviation of a subset"),
    "floor_std": gettext_noop("The same, real against real"),
    "value_at_n_floor": gettext_noop("With as few images as the real comparison"),
    "split": gettext_noop("Split"),
    "seed": gettext_noop("Seed"),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric with all that is needed to read it. reason: why there is no number, else ""."""

    title: str
    sentence: str
    gauge: Gauge
    n_real: int
    n_generated: int
    extractor: str
    conditions: tuple[tuple[str, str], ...]
    reason: str


@dataclass(frozen=True)
class Ruler:
    """KID of real galaxies at lower resolution, as text. ratio: how many times that the model's is, else ""."""

    words: str
    kid: str
    ratio: str


@dataclass(frozen=True)
class Group:
    """Figures that belong together, from one extractor.

    note: what the extractor sees, in words; sentence: how far from real that is, beside real galaxies at lower
    resolution, whose KID `rulers` has. All but the first two are empty where they do not apply.
    """

    title: str
    figures: tuple[Figure, ...]
    note: str = ""
    sentence: str = ""
    rulers: tuple[Ruler, ...] = ()


@dataclass(frozen=True)
class FamilyFigures:
    """The figures of one family. fidelity: percent of its generated galaxies that are of it, as text."""

    name: str
    kid: Figure
    fidelity: str


@dataclass(frozen=True, kw_only=True)
class ShapeFigure:
    """The distance between a shape measure of generated and real galaxies; strip: the outlines of both."""

    title: str
    left: str
    right: str
    unit: str
    figure: Figure
    strip: Strip


@dataclass(frozen=True, kw_only=True)
class ModelPage:
    """The content of the page. groups, spectra, families and shapes are () for a model that has not been measured.

    form_alone: no extractor looked at the images in full size, as in metrics.json before format 2.
    phases: title, images seen and time of each phase of the training.
    """

    manifest: Mapping[str, Any]
    phases: tuple[tuple[str, int, str], ...]
    groups: tuple[Group, ...]
    spectra: tuple[spectra.Spectrum, ...]
    form_alone: bool
    families: tuple[FamilyFigures, ...]
    shapes: tuple[ShapeFigure, ...]
    metrics: Mapping[str, Any] | None
    steering: tuple[uses.SteeredRow, ...]
    lessons: uses.Lessons | None


def read(version: ModelVersion) -> ModelPage:
    """Return the content of a model's page. Raises: BundleError if its manifest is missing or damaged."""
    manifest = read_manifest(version.path)
    metrics = read_metrics(version.path)
    phases = manifest.get("training", {}).get("phases", {})
    return ModelPage(
        manifest=manifest,
        phases=tuple((title(name), phase["images"], _time(phase["seconds"])) for name, phase in phases.items()),
        groups=tuple(_groups(metrics)) if metrics else (),
        spectra=spectra.read(metrics) if metrics else (),
        form_alone=metrics is not None and set(by_extractor(metrics)) <= {ENCODER},
        families=tuple(_families(metrics, version.families)) if metrics else (),
        shapes=tuple(_shapes(metrics)) if metrics else (),
        metrics=metrics,
        steering=uses.steering(version.path),
        lessons=uses.lessons(metrics),
    )


def figures(metrics: Mapping[str, Any], names: Iterable[str]) -> dict[str, Figure]:
    """Return figures of a whole model by their names in metrics.json; those that were not measured are left out."""
    known = WHOLE | QUALITY | ITSELF
    return {name: _figure(metrics[name], *known[name]) for name in names if metrics.get(name)}


def _time(seconds: int) -> str:
    if seconds < 120:
        return _("%(number)s s") % {"number": number(seconds)}
    if seconds < 7200:
        return _("%(number)s min") % {"number": number(seconds / 60)}
    return _("%(number)s h") % {"number": number(seconds / 3600, 1)}


def _groups(metrics: Mapping[str, Any]) -> Iterator[Group]:
    for place, (name, numbers) in enumerate(by_extractor(metrics).items()):
        whole, quality = _figures(numbers, WHOLE), _figures(numbers, QUALITY)
        about = extractors.in_words(numbers["kid"]), in_words(sentence(numbers["kid"])), tuple(_rulers(numbers["kid"]))
        if place == 0:
            yield Group(_("As a whole"), whole, *about)
            yield Group(_("Quality and variety"), quality)
            yield Group(_("True to itself"), _figures(metrics, ITSELF))
        else:
            yield Group(_("The same, by another extractor: %(name)s") % {"name": name}, whole + quality, *about)


def _rulers(kid: Mapping[str, Any]) -> Iterator[Ruler]:
    for name, ruler in kid.get("rulers", {}).items():
        yield Ruler(
            in_words(IN_WORDS.get(name, name)), figure(ruler["value"]), figure(ruler["ratio"]) if ruler["ratio"] else ""
        )


def _figures(metrics: Mapping[str, Any], wanted: Mapping[str, tuple[str, str, bool]]) -> tuple[Figure, ...]:
    return tuple(_figure(metrics[name], *about) for name, about in wanted.items() if metrics.get(name))


def _figure(entry: Mapping[str, Any], name: str, sentence: str, percent: bool = False) -> Figure:
    conditions = tuple((_(label), _text(entry[key])) for key, label in CONDITIONS.items() if entry.get(key) is not None)
    return Figure(
        title=_(name),
        sentence=_(sentence) % {"half": in_percent(50), "most": in_percent(99)},
        gauge=gauge(entry, percent),
        n_real=entry["n_real"],
        n_generated=entry["n_generated"],
        extractor=entry["extractor"],
        conditions=conditions,
        reason=in_words(entry.get("reason", "")),
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return figure(value)
    return number(value) if isinstance(value, int) else in_words(str(value))


def _families(metrics: Mapping[str, Any], families: list[dict[str, Any]]) -> Iterator[FamilyFigures]:
    shares = metrics.get("cluster_fidelity", {}).get("per_cluster", {})
    measured = metrics.get("kid_per_cluster", {})
    for family in families:
        cluster = str(family["id"])
        if cluster in measured:
            name = family_name(family["name"])
            kid = _figure(measured[cluster], _("KID of %(family)s") % {"family": name}, WHOLE["kid"][1])
            yield FamilyFigures(name, kid, figure(shares.get(cluster), percent=True))


def _shapes(metrics: Mapping[str, Any]) -> Iterator[ShapeFigure]:
    entries = {**metrics.get("morphology", {}), **metrics.get("colour", {})}
    if not entries:
        return
    real, generated = (metrics["distributions"][side] for side in ("held_out", "generated"))
    for name, (heading, left, right) in SHAPES.items():
        if name in entries:
            sentence = gettext_noop(
                "How far the generated outline would have to be moved to lie on the real one. Lower is better."
            )
            yield ShapeFigure(
                title=_(heading),
                left=_(left),
                right=_(right),
                unit=in_words(entries[name]["unit"]),
                figure=_figure(entries[name], heading, sentence),
                strip=strip(real[name], generated[name]),
            )
