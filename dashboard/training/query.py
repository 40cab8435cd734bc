"""What the page of a training run shows: its progress, loss curves and newest samples.

All is read from the run's folder and row; what is not there yet, or was cut off by a full disk, is left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from galaxies.charts import figure
from galaxies.ml.training_log import Line, read_log
from galaxies.models import TrainingRun
from galaxies.training import folders
from galaxies.training.phases import FORMER_NAMES, STAGE, title
from galaxies.training.record import LOG
from nebulai.numbers import number

POINTS = 200  # of a curve
WIDTH, HEIGHT, EDGE = 300.0, 60.0, 4.0  # of its viewBox
TABLE_ROWS = 20
LOSSES = "log.csv"
SHEET = re.compile(r"(?P<phase>[a-z_]+)-(?P<images>\d{9,})\.png")
SUPER_RESOLUTION = gettext_noop("Super-resolution")
STEPS = {
    gettext_noop("Images"): ("", "reading"),
    gettext_noop("Encoder"): ("encoder",),
    gettext_noop("Families"): ("features", "families"),
    gettext_noop("Feature network"): ("feature_network",),
    gettext_noop("Warm start"): ("warm_start",),
    gettext_noop("Adversarial"): ("adversarial",),
    gettext_noop("Refinement"): ("refinement",),
    SUPER_RESOLUTION: (),
    gettext_noop("Measuring"): (),
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


def steps(run: TrainingRun) -> list[tuple[str, str]]:
    """Return every step of a training run with "done", "now" or ""."""
    left_out = OF_STARTING_MODEL if run.options.get("start_from") else ()
    left_out = (*left_out, SUPER_RESOLUTION) if run.options.get("keep_stage") else left_out
    names = [name for name in STEPS if name not in left_out]
    here = next((i for i, name in enumerate(names) if name == _step(run.phase)), 0)
    if run.state == TrainingRun.State.DONE:
        here = len(names)
    if run.state == TrainingRun.State.QUEUED:
        here = -1
    return [(_(name), "done" if i < here else "now" if i == here else "") for i, name in enumerate(names)]


def _step(phase: str) -> str:
    if phase.startswith(STAGE):
        return SUPER_RESOLUTION
    phase = FORMER_NAMES.get(phase, phase)
    return next((name for name, phases in STEPS.items() if phase in phases), "Measuring")


def choices(run: TrainingRun) -> list[tuple[str, str]]:
    """Return the run's options as labels and texts."""
    options = run.options
    drawn, begun = options.get("synthetic"), options.get("start_from")
    source = (
        _("%(number)s drawn galaxies") % {"number": number(drawn)} if drawn else Path(options.get("images") or "").name
    )
    minutes, images = options.get("budget_minutes"), options.get("budget_images")
    budget = [_("%(number)s minutes") % {"number": number_format(f"{minutes:g}")}] if minutes else []
    budget += [_("%(number)s images") % {"number": number(images)}] if images else []
    return [
        (_("Images"), source),
        (_("Preset"), str(options.get("preset", ""))),
        (_("Resolution"), f"{options['resolution']} px" if options.get("resolution") else _("the preset's")),
        (_("Families"), _families(options)),
        (_("Budget"), _(" or ").join(budget) or _("the preset's")),
        (_("Begins"), _("from %(version)s") % {"version": begun} if begun else _("from scratch")),
        (_("Real images"), _("weighed by predicted preference") if options.get("prefer") else _("all alike")),
        (_("Seed"), str(options.get("seed", 0))),
        (_("Model"), str(options.get("model_version") or run.name)),
    ]


def _families(options: Mapping[str, Any]) -> str:
    if options.get("k"):
        return str(options["k"])
    return _("those of the model") if options.get("start_from") else _("chosen by measure")


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
    __, path, match = max(found)
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
    for line in read_log(folders.path_of(run.name) / LOSSES):
        lines = phases.setdefault(line.phase, [])
        while lines and lines[-1].images >= line.images:  # trained once more after an interruption
            lines.pop()
        lines.append(line)
    return [_chart(phase, lines) for phase, lines in phases.items()]


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
