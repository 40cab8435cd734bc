"""The content of a model's page, from its manifest and its metrics.json.

page = read(version)                                    # raises BundleError if its manifest cannot be read
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from galaxies import spectra
from galaxies.charts import Gauge, Strip, figure, gauge, strip
from galaxies.extractors import ENCODER, by_extractor, in_words
from galaxies.facts import read_metrics
from galaxies.ml.bundle import read_manifest
from galaxies.ml.kid_in_words import IN_WORDS, sentence
from galaxies.models import ModelVersion
from galaxies.training.phases import title

# name in metrics.json -> title, what it means and which direction is good, whether it is a share
WHOLE = {
    "kid": ("KID", "How far the generated galaxies as a whole are from real ones. Close to 0 is good.", False),
    "fid": ("FID", "The same question, answered by averages and spreads alone. Lower is better.", False),
    "two_sample": (
        "Told apart",
        "How often a simple classifier tells generated from real. 50% is guessing; lower is better.",
        True,
    ),
}
QUALITY = {
    "precision": (
        "Precision",
        "How many generated galaxies look like some real one, even if they repeat. Higher is better.",
        True,
    ),
    "density": (
        "Density",
        "Precision that one odd image cannot fool: about 1 among real ones. Higher is better.",
        False,
    ),
    "recall": ("Recall", "How many real galaxies look like some generated one. Higher means more variety.", True),
    "coverage": ("Coverage", "How many real galaxies have a generated one beside them. Higher is better.", True),
}
ITSELF = {
    "usefulness": (
        "Useful to learn from",
        "How often a classifier of families that learned from generated galaxies is right about real ones. Higher is "
        "better.",
        True,
    ),
    "cluster_fidelity": (
        "The right family",
        "How often a galaxy is of the family it was generated for. Higher is better.",
        True,
    ),
    "memorisation": (
        "Copies",
        "How many generated galaxies are nearer to a training image than 99% of new real ones. Lower is better.",
        True,
    ),
    "near_duplicates": (
        "Repetition",
        "How many pairs of one family are more alike than 99% of such real pairs. Lower is better.",
        True,
    ),
}
SHAPES = {
    "gini": ("Gathering of light (Gini)", "spread out", "gathered"),
    "m20": ("Bright spots (M20)", "centre", "far out"),
    "concentration": ("Concentration", "even", "bright core"),
    "asymmetry": ("Asymmetry", "symmetric", "lopsided"),
    "smoothness": ("Clumps (smoothness)", "smooth", "clumpy"),
    "ellipticity": ("Ellipticity", "round", "elongated"),
    "half_light_radius": ("Half-light radius", "small", "large"),
    "blue_green": ("Blue against green", "bluer", "greener"),
    "green_red": ("Green against red", "greener", "redder"),
    "blue_red": ("Blue against red", "bluer", "redder"),
}
CONDITIONS = {
    "extractor_label": "Seen by",
    "extractor_version": "Version",
    "resize": "Images resized",
    "n_real": "Real images, held out",
    "n_generated": "Generated images",
    "n_floor": "Images of the real comparison",
    "n_training": "Training images",
    "n_per_block": "Images compared at a time",
    "k": "Neighbours",
    "subsets": "Subsets",
    "subset_size": "Images in a subset",
    "std": "Standard deviation of a subset",
    "floor_std": "The same, real against real",
    "value_at_n_floor": "With as few images as the real comparison",
    "split": "Split",
    "seed": "Seed",
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
    )


def figures(metrics: Mapping[str, Any], names: Iterable[str]) -> dict[str, Figure]:
    """Return figures of a whole model by their names in metrics.json; those that were not measured are left out."""
    known = WHOLE | QUALITY | ITSELF
    return {name: _figure(metrics[name], *known[name]) for name in names if metrics.get(name)}


def _time(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _groups(metrics: Mapping[str, Any]) -> Iterator[Group]:
    for place, (name, numbers) in enumerate(by_extractor(metrics).items()):
        whole, quality = _figures(numbers, WHOLE), _figures(numbers, QUALITY)
        about = in_words(numbers["kid"]), sentence(numbers["kid"]), tuple(_rulers(numbers["kid"]))
        if place == 0:
            yield Group("As a whole", whole, *about)
            yield Group("Quality and variety", quality)
            yield Group("True to itself", _figures(metrics, ITSELF))
        else:
            yield Group(f"The same, by another extractor: {name}", whole + quality, *about)


def _rulers(kid: Mapping[str, Any]) -> Iterator[Ruler]:
    for name, ruler in kid.get("rulers", {}).items():
        yield Ruler(IN_WORDS.get(name, name), figure(ruler["value"]), figure(ruler["ratio"]) if ruler["ratio"] else "")


def _figures(metrics: Mapping[str, Any], wanted: Mapping[str, tuple[str, str, bool]]) -> tuple[Figure, ...]:
    return tuple(_figure(metrics[name], *about) for name, about in wanted.items() if metrics.get(name))


def _figure(entry: Mapping[str, Any], name: str, sentence: str, percent: bool = False) -> Figure:
    conditions = tuple((label, _text(entry[key])) for key, label in CONDITIONS.items() if entry.get(key) is not None)
    return Figure(
        title=name,
        sentence=sentence,
        gauge=gauge(entry, percent),
        n_real=entry["n_real"],
        n_generated=entry["n_generated"],
        extractor=entry["extractor"],
        conditions=conditions,
        reason=entry.get("reason", ""),
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return figure(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _families(metrics: Mapping[str, Any], families: list[dict[str, Any]]) -> Iterator[FamilyFigures]:
    shares = metrics.get("cluster_fidelity", {}).get("per_cluster", {})
    measured = metrics.get("kid_per_cluster", {})
    for family in families:
        cluster = str(family["id"])
        if cluster in measured:
            kid = _figure(measured[cluster], f"KID of {family['name']}", WHOLE["kid"][1])
            yield FamilyFigures(family["name"], kid, figure(shares.get(cluster), percent=True))


def _shapes(metrics: Mapping[str, Any]) -> Iterator[ShapeFigure]:
    entries = {**metrics.get("morphology", {}), **metrics.get("colour", {})}
    if not entries:
        return
    real, generated = (metrics["distributions"][side] for side in ("held_out", "generated"))
    for name, (heading, left, right) in SHAPES.items():
        if name in entries:
            sentence = "How far the generated outline would have to be moved to lie on the real one. Lower is better."
            yield ShapeFigure(
                title=heading,
                left=left,
                right=right,
                unit=entries[name]["unit"],
                figure=_figure(entries[name], heading, sentence),
                strip=strip(real[name], generated[name]),
            )
