"""What the page of a training shows: how far it is, its loss curves, its newest samples, the end of its log.

All is read from the run's folder and row; whatever is not there yet, or was cut off by a full disk, is left out.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from django.conf import settings

from galaxies.charts import figure
from galaxies.models import TrainingRun

POINTS = 200  # of a curve
WIDTH, HEIGHT, EDGE = 300.0, 60.0, 4.0  # of its viewBox
TABLE_ROWS = 20
SHEET = re.compile(r"(?P<phase>[a-z_]+)-(?P<images>\d{9,})\.png")
TITLES = {
    "reading": "Reading the images",
    "encoder": "Encoder: learning what makes galaxies alike",
    "features": "Features of all images",
    "families": "K-Means: cutting the families",
    "eyes": "Eyes: the encoder that the discriminator looks through",
    "warm_start": "Warm start: redrawing real galaxies",
    "adversarial": "Adversarial: generator against discriminator",
}
STEPS = {
    "Images": ("", "reading"),
    "Encoder": ("encoder",),
    "Families": ("features", "families"),
    "Eyes": ("eyes",),
    "Warm start": ("warm_start",),
    "Adversarial": ("adversarial",),
    "Sharpening": (),
    "Judging": (),
}
BY_ORIGIN = ("Encoder", "Warm start")  # what a model that is gone on with has done already


@dataclass(frozen=True)
class Curve:
    """One loss: where its points stand in WIDTH x HEIGHT, and its lowest, highest and last number.

    is_dot: there is one number only, and nothing to draw yet.
    """

    name: str
    points: str
    low: str
    high: str
    last: str
    is_dot: bool = False


@dataclass(frozen=True)
class Chart:
    """The losses of a phase, and some of their numbers as a table."""

    phase: str
    title: str
    images: int
    curves: tuple[Curve, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Sheet:
    """The newest sample sheet."""

    name: str
    title: str
    images: int


@dataclass(frozen=True)
class Line:
    """A line of log.csv."""

    phase: str
    images: int
    losses: Mapping[str, float]


def folder(run: TrainingRun) -> Path:
    """Where the run keeps its files."""
    return Path(settings.DATA_DIR) / "training" / run.name


def title(phase: str) -> str:
    """A phase, for people."""
    if phase.startswith("stage_"):
        return f"Sharpening to {phase.removeprefix('stage_')} px"
    return TITLES.get(phase) or (f"Judging: {phase}" if phase else "Getting ready")


def steps(run: TrainingRun) -> list[tuple[str, str]]:
    """Every step of a training with "done", "now" or ""."""
    names = [name for name in STEPS if not (run.options.get("start_from") and name in BY_ORIGIN)]
    here = next((i for i, name in enumerate(names) if name == _step(run.phase)), 0)
    if run.state == TrainingRun.State.DONE:
        here = len(names)
    if run.state == TrainingRun.State.QUEUED:
        here = -1
    return [(name, "done" if i < here else "now" if i == here else "") for i, name in enumerate(names)]


def _step(phase: str) -> str:
    if phase.startswith("stage_"):
        return "Sharpening"
    return next((name for name, phases in STEPS.items() if phase in phases), "Judging")


def choices(run: TrainingRun) -> list[tuple[str, str]]:
    """The run's options as people chose them."""
    options = run.options
    drawn, begun = options.get("synthetic"), options.get("start_from")
    source = f"{drawn:,} drawn galaxies" if drawn else Path(options.get("images") or "").name
    budget = [f"{options['budget_minutes']:g} minutes"] if options.get("budget_minutes") else []
    budget += [f"{options['budget_images']:,} images"] if options.get("budget_images") else []
    return [
        ("Images", source),
        ("Preset", str(options.get("preset", ""))),
        ("Resolution", f"{options['resolution']} px" if options.get("resolution") else "the preset's"),
        ("Families", str(options["k"]) if options.get("k") else "those of the model" if begun else "chosen by measure"),
        ("Budget", " or ".join(budget) or "the preset's"),
        ("Begins", f"from {begun}" if begun else "from scratch"),
        ("Real images", "weighed by predicted preference" if options.get("prefer") else "all alike"),
        ("Seed", str(options.get("seed", 0))),
        ("Model", str(options.get("model_version") or run.name)),
    ]


def sheet(run: TrainingRun) -> tuple[Path, Sheet] | None:
    """The newest sample sheet and where it is: only files of the pattern that a training writes."""
    found = []
    for path in (folder(run) / "samples").glob("*.png"):
        if match := SHEET.fullmatch(path.name):
            try:
                found.append((path.stat().st_mtime_ns, path, match))
            except FileNotFoundError:
                continue
    if not found:
        return None
    _, path, match = max(found)
    return path, Sheet(path.name, title(match["phase"]), int(match["images"]))


def stamp(run: TrainingRun) -> str:
    """Changes whenever log, curves or samples do."""
    sizes = [path.stat().st_size if path.exists() else 0 for path in (folder(run) / "log.csv", folder(run) / "run.log")]
    found = sheet(run)
    return f"{sizes[0]}-{sizes[1]}-{found[1].name if found else ''}"


def kid(charts: Sequence[Chart]) -> str:
    """The last KID that was measured on the way, if any was."""
    return next((curve.last for chart in reversed(charts) for curve in chart.curves if curve.name == "kid"), "")


def charts(run: TrainingRun) -> list[Chart]:
    """A chart for every phase that has written a line."""
    phases: dict[str, list[Line]] = {}
    for line in _lines(folder(run) / "log.csv"):
        lines = phases.setdefault(line.phase, [])
        while lines and lines[-1].images >= line.images:  # trained once more after an interruption
            lines.pop()
        lines.append(line)
    return [_chart(phase, lines) for phase, lines in phases.items()]


def _lines(path: Path) -> Iterator[Line]:
    """What can be read of log.csv: a full disk may have cut off a line."""
    if not path.exists():
        return
    with path.open(newline="", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                numbers = json.loads(row["losses"])
                losses = {str(name): float(value) for name, value in numbers.items() if isfinite(float(value))}
                yield Line(row["phase"], int(row["images"]), losses)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue


def _chart(phase: str, lines: Sequence[Line]) -> Chart:
    names = tuple(dict.fromkeys(name for line in lines for name in line.losses))
    end = max(lines[-1].images, 1)
    series = ([(line.images, line.losses[name]) for line in lines if name in line.losses] for name in names)
    curves = (_curve(name, points, end) for name, points in zip(names, series, strict=True))
    rows = thin(lines, TABLE_ROWS)
    table = ((line.images, tuple(figure(line.losses[n]) if n in line.losses else "" for n in names)) for line in rows)
    return Chart(phase, title(phase), lines[-1].images, tuple(curves), names, tuple(table))


def _curve(name: str, points: Sequence[tuple[int, float]], end: int) -> Curve:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    spread = high - low or 1.0
    across, up = (WIDTH - 2 * EDGE) / end, (HEIGHT - 2 * EDGE) / spread
    at = [
        f"{EDGE + across * images:.1f},{HEIGHT - EDGE - up * (value - low):.1f}"
        for images, value in thin(points, POINTS)
    ]
    return Curve(name, " ".join(at), figure(low), figure(high), figure(values[-1]), is_dot=len(at) == 1)


def thin(items: Sequence[Any], most: int) -> list[Any]:
    """At most that many of them, evenly, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
