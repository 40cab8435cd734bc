"""Charts for templates to draw: x in percent of the width, y in pixels, so that text keeps its size on every screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galaxies.approval import Approval
from galaxies.charts import figure
from nebulai import numbers

TOP, HEIGHT = 18.0, 190.0  # of the bars' area, in pixels
LABELS = 5  # along the x axis; more would touch each other on a phone
GAP = 0.22  # share of a bar's room that stays empty
STEPS = (1, 2, 5)  # of the grid, times a power of ten
COLUMN = 112  # pixels that the numbers of a model version need
FITTING = 4  # columns that fit into a page of any width


@dataclass(frozen=True, kw_only=True)
class Bar:
    """The number of a span of days as a bar. unfinished: the span goes on."""

    label: str
    value: int
    x: float
    width: float
    y: float
    height: float
    unfinished: bool


@dataclass(frozen=True)
class Line:
    """A grid line with its number, or a label on the axis; at: its place across or down."""

    text: str
    at: float


@dataclass(frozen=True, kw_only=True)
class Bars:
    """A chart of bars upwards from a base line and, where `down` is not empty, downwards."""

    up: tuple[Bar, ...]
    down: tuple[Bar, ...]
    lines: tuple[Line, ...]
    labels: tuple[Line, ...]
    base: float
    bottom: float = TOP + HEIGHT
    height: float = TOP + HEIGHT + 26


def bars(labels: Sequence[str], up: Sequence[int], down: Sequence[int] = (), *, unfinished: bool = False) -> Bars:
    """Return the chart of numbers of spans of days. unfinished: the last span goes on."""
    highest, lowest = max(up, default=0), max(down, default=0)
    step = _step(max(highest, lowest))
    above, below = (-(-number // step) * step for number in (highest, lowest))
    above = above or (0 if below else step)
    scale = HEIGHT / (above + below)
    base = TOP + above * scale
    room = 100 / max(len(labels), 1)

    def side(values: Sequence[int], *, upwards: bool) -> tuple[Bar, ...]:
        return tuple(
            Bar(
                label=label,
                value=value,
                x=round(room * (place + GAP / 2), 3),
                width=round(room * (1 - GAP), 3),
                y=round(base - value * scale if upwards else base, 2),
                height=round(value * scale, 2),
                unfinished=unfinished and place == len(labels) - 1,
            )
            for place, (label, value) in enumerate(zip(labels, values, strict=True))
        )

    heights = [*range(step, above + 1, step), *range(-step, -below - 1, -step)]
    lines = tuple(Line(numbers.number(abs(number)), round(base - number * scale, 2)) for number in heights)
    every = max(1, -(-len(labels) // LABELS))
    below_axis = tuple(Line(labels[place], round(room * (place + 0.5), 3)) for place in range(0, len(labels), every))
    return Bars(
        up=side(up, upwards=True),
        down=side(down, upwards=False) if down else (),
        lines=lines,
        labels=below_axis,
        base=round(base, 2),
    )


def _step(highest: int) -> int:
    """Return a round number that fits into `highest` two to four times."""
    size = 1
    while True:
        for step in STEPS:
            if highest <= 4 * step * size:
                return step * size
        size *= 10


ROW = 46.0  # pixels of a row in a chart of approvals


@dataclass(frozen=True)
class ApprovalRow:
    """The approval of something, by its name. y: of the row, in pixels."""

    name: str
    approval: Approval
    y: float


@dataclass(frozen=True)
class ApprovalChart:
    """Rows of a chart, one below the other."""

    rows: tuple[ApprovalRow, ...]

    @property
    def height(self) -> int:
        """Height of the drawing in pixels."""
        return round(ROW * len(self.rows))


def approval_chart(approvals: Mapping[str, Approval]) -> ApprovalChart:
    """Return the chart of approvals by name."""
    rows = (ApprovalRow(name, approval, place * ROW) for place, (name, approval) in enumerate(approvals.items()))
    return ApprovalChart(tuple(rows))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A number of a model version, drawn between its floor at the bottom and its ceiling at the top."""

    version: str
    day: str
    entry: Mapping[str, Any]
    x: float
    y: float | None
    low: float | None
    high: float | None

    @property
    def value(self) -> str:
        """The number as text."""
        return figure(self.entry["value"])

    @property
    def text_y(self) -> float:
        """Height of the number: beside its mark, but below the words at the ceiling."""
        return TOP + HEIGHT / 2 if self.y is None else max(self.y, TOP + 10)

    @property
    def floor(self) -> str:
        """The score of real images against real ones."""
        return figure(self.entry["floor"])

    @property
    def ceiling(self) -> str:
        """The score of one image repeated."""
        return figure(self.entry["ceiling"])

    @property
    def std(self) -> str:
        """The standard deviation between subsets; "" where there are none."""
        return figure(self.entry["std"]) if self.entry.get("std") is not None else ""

    @property
    def short(self) -> str:
        """The version's name, cut to fit into a column."""
        return self.version if len(self.version) <= 14 else f"{self.version[:13]}…"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One metric of all versions that were measured with one kind of extractor, the oldest first."""

    id: str
    name: str
    extractor: str
    versions: tuple[Measured, ...]
    top: float = TOP
    bottom: float = TOP + HEIGHT
    height: float = TOP + HEIGHT + 74

    @property
    def width(self) -> str:
        """Width of the drawing: that of the page, or more where columns would touch each other."""
        return f"{COLUMN * len(self.versions)}" if len(self.versions) > FITTING else "100%"


def scale(id: str, name: str, extractor: str, versions: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Scale:
    """Return the chart of versions, each a name, a day and an entry of metrics.json; None in it leaves a gap."""
    room = 100 / max(len(versions), 1)
    measured = (_measured(*each, round(room * (place + 0.5), 3)) for place, each in enumerate(versions))
    return Scale(id=id, name=name, extractor=extractor, versions=tuple(measured))


def _measured(version: str, day: str, entry: Mapping[str, Any], x: float) -> Measured:
    value, floor, ceiling = (entry[name] for name in ("value", "floor", "ceiling"))
    if None in (value, floor, ceiling) or floor == ceiling:
        return Measured(version=version, day=day, entry=entry, x=x, y=None, low=None, high=None)

    def height(number: float) -> float:
        share = float(number - floor) / float(ceiling - floor)
        return round(TOP + HEIGHT * (1 - min(max(share, 0.0), 1.0)), 2)

    std = entry.get("std")
    low, high = (height(value - std), height(value + std)) if std is not None else (None, None)
    return Measured(version=version, day=day, entry=entry, x=x, y=height(value), low=low, high=high)
