"""What the page of a training run shows: its progress, loss curves and newest samples.

All is read from the run's folder and row; what is not there yet, or was cut off by a full disk, is left out.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from galaxies.charts import figure
from galaxies.models import TrainingRun
from galaxies.training import folders
from galaxies.training.phases import FORMER_NAMES, STAGE, title
from galaxies.training.record import LOG

POINTS = 200  # of a curve
WIDTH, HEIGHT, EDGE = 300.0, 60.0, 4.0  # of its viewBox
TABLE_ROWS = 20
LOSSES = "log.csv"
SHEET = re.compile(r"(?P<phase>[a-z_]+)-(?P<images>\d{9,})\.png")
STEPS = {
    "Images": ("", "reading"),
    "Encoder": ("encoder",),
    "Families": ("features", "families"),
    "Feature network": ("feature_network",),
    "Warm start": ("warm_start",),
    "Adversarial": ("adversarial",),
    "Refinement": ("refinement",),
    "Super-resolution": (),
    "Measuring": (),
}
OF_STARTING_MODEL = ("Encoder", "Warm start")  # steps that a run from an earlier version leaves out


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One loss: its points in WIDTH x HEIGHT for SVG, and its lowest, highest and last number.

    is_dot: there is one number only, and no line to draw yet.
    """

    name: str
    points: str
    low: str
    high: str
    last: str
    is_dot: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The losses of a phase as curves, and some of their numbers as a table."""

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


def steps(run: TrainingRun) -> list[tuple[str, str]]:
    """Return every step of a training run with "done", "now" or ""."""
    names = [name for name in STEPS if not (run.options.get("start_from") and name in OF_STARTING_MODEL)]
    here = next((i for i, name in enumerate(names) if name == _step(run.phase)), 0)
    if run.state == TrainingRun.State.DONE:
        here = len(names)
    if run.state == TrainingRun.State.QUEUED:
        here = -1
    return [(name, "done" if i < here else "now" if i == here else "") for i, name in enumerate(names)]


def _step(phase: str) -> str:
    if phase.startswith(STAGE):
        return "Super-resolution"
    phase = FORMER_NAMES.get(phase, phase)
    return next((name for name, phases in STEPS.items() if phase in phases), "Measuring")


def choices(run: TrainingRun) -> list[tuple[str, str]]:
    """Return the run's options as labels and texts."""
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
    """Return the newest sample sheet and its path, None if there is none. Only names that a training writes count."""
    found = []
    for path in (folders.path_of(run.name) / "samples").glob("*.png"):
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
    """Return a text that changes whenever log, curves or samples do."""
    paths = [folders.path_of(run.name) / name for name in (LOSSES, LOG)]
    sizes = [path.stat().st_size if path.exists() else 0 for path in paths]
    found = sheet(run)
    return f"{sizes[0]}-{sizes[1]}-{found[1].name if found else ''}"


def kid(charts: Sequence[Chart]) -> str:
    """Return the last KID that was measured during the training, "" if none was."""
    return next((curve.last for chart in reversed(charts) for curve in chart.curves if curve.name == "kid"), "")


def charts(run: TrainingRun) -> list[Chart]:
    """Return a chart for every phase that has written a line."""
    phases: dict[str, list[Line]] = {}
    for line in _lines(folders.path_of(run.name) / LOSSES):
        lines = phases.setdefault(line.phase, [])
        while lines and lines[-1].images >= line.images:  # trained once more after an interruption
            lines.pop()
        lines.append(line)
    return [_chart(phase, lines) for phase, lines in phases.items()]


def _lines(path: Path) -> Iterator[Line]:
    """Yield the lines of log.csv that can be read: a full disk may have cut one off."""
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
    return Chart(
        phase=phase,
        title=title(phase),
        images=lines[-1].images,
        curves=tuple(curves),
        columns=names,
        rows=tuple(table),
    )


def _curve(name: str, points: Sequence[tuple[int, float]], end: int) -> Curve:
    values = [value for _, value in points]
    low, high = min(values), max(values)
    spread = high - low or 1.0
    across, up = (WIDTH - 2 * EDGE) / end, (HEIGHT - 2 * EDGE) / spread
    at = [
        f"{EDGE + across * images:.1f},{HEIGHT - EDGE - up * (value - low):.1f}"
        for images, value in thin(points, POINTS)
    ]
    return Curve(
        name=name,
        points=" ".join(at),
        low=figure(low),
        high=figure(high),
        last=figure(values[-1]),
        is_dot=len(at) == 1,
    )


def thin(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most that many of the items, evenly spaced, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]
