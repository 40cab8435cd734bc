"""Charts for templates to draw: x in percent of the width, y in pixels, so that text keeps its size on every screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from galaxies.charts import figure
from galaxies.models import wilson_lower_bound

TOP, HEIGHT = 18.0, 190.0  # of the bars' area, in pixels
LABELS = 5  # along the x axis; more would touch each other on a phone
GAP = 0.22  # share of a bar's room that stays empty
STEPS = (1, 2, 5)
COLUMN = 112  # pixels that the numbers of a model version need
FITTING = 4  # so many fit into a page of any width


@dataclass(frozen=True)
class Bar:
    """What a span of days comes to."""

    label: str
    value: int
    x: float
    width: float
    y: float
    height: float
    unfinished: bool


@dataclass(frozen=True)
class Line:
    """A line across with its number, or a label below."""

    text: str
    at: float


@dataclass(frozen=True)
class Bars:
    """Bars upwards from a base line, and where `down` is not empty, others downwards."""

    up: tuple[Bar, ...]
    down: tuple[Bar, ...]
    lines: tuple[Line, ...]
    labels: tuple[Line, ...]
    base: float
    bottom: float = TOP + HEIGHT
    height: float = TOP + HEIGHT + 26


def bars(labels: Sequence[str], up: Sequence[int], down: Sequence[int] = (), unfinished: bool = False) -> Bars:
    """Draw numbers of spans of days. `unfinished`: the last span goes on."""
    highest, lowest = max(up, default=0), max(down, default=0)
    step = _step(max(highest, lowest))
    above, below = (-(-number // step) * step for number in (highest, lowest))
    above = above or (0 if below else step)
    scale = HEIGHT / (above + below)
    base = TOP + above * scale
    room = 100 / max(len(labels), 1)

    def side(values: Sequence[int], upwards: bool) -> tuple[Bar, ...]:
        return tuple(
            Bar(
                label,
                value,
                round(room * (place + GAP / 2), 3),
                round(room * (1 - GAP), 3),
                round(base - value * scale if upwards else base, 2),
                round(value * scale, 2),
                unfinished and place == len(labels) - 1,
            )
            for place, (label, value) in enumerate(zip(labels, values, strict=True))
        )

    heights = [*range(step, above + 1, step), *range(-step, -below - 1, -step)]
    lines = tuple(Line(f"{abs(number):,}", round(base - number * scale, 2)) for number in heights)
    every = max(1, -(-len(labels) // LABELS))
    below_axis = tuple(Line(labels[place], round(room * (place + 0.5), 3)) for place in range(0, len(labels), every))
    return Bars(side(up, True), side(down, False) if down else (), lines, below_axis, round(base, 2))


def _step(highest: int) -> int:
    """A round number that fits into `highest` two to four times."""
    size = 1
    while True:
        for step in STEPS:
            if highest <= 4 * step * size:
                return step * size
        size *= 10


@dataclass(frozen=True)
class Approval:
    """The share of likes among the votes for something, with its 95% Wilson interval, in percent."""

    name: str
    likes: int
    dislikes: int
    y: float = 0.0  # of its row in the chart

    @property
    def votes(self) -> int:
        """All of them."""
        return self.likes + self.dislikes

    @property
    def share(self) -> float | None:
        """Percent; None without votes."""
        return round(100 * self.likes / self.votes, 1) if self.votes else None

    @property
    def rest(self) -> float | None:
        """Percent of dislikes; None without votes."""
        return None if self.share is None else round(100 - self.share, 1)

    @property
    def low(self) -> float:
        """Of the interval."""
        return round(100 * wilson_lower_bound(self.likes, self.dislikes), 1)

    @property
    def high(self) -> float:
        """Of the interval, which is the same for likes and, from the other end, for dislikes."""
        return round(100 - 100 * wilson_lower_bound(self.dislikes, self.likes), 1)

    @property
    def text(self) -> str:
        """All of it in words."""
        if self.share is None:
            return "no votes"
        return f"{self.share:.0f}% ({self.low:.0f} to {self.high:.0f}%) of {self.votes:,}"


ROW = 46.0  # pixels of an Approval in a chart


@dataclass(frozen=True)
class Approvals:
    """Rows of a chart, one below the other."""

    rows: tuple[Approval, ...]

    @property
    def height(self) -> int:
        """In pixels."""
        return round(ROW * len(self.rows))


def approvals(sums: Mapping[str, tuple[int, int]]) -> Approvals:
    """Draw likes and dislikes by name."""
    return Approvals(tuple(Approval(name, *votes, y=place * ROW) for place, (name, votes) in enumerate(sums.items())))


@dataclass(frozen=True)
class Measured:
    """A number of a model version between its floor, at the bottom, and its ceiling, at the top."""

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
    def floor(self) -> str:
        """Real images against real ones."""
        return figure(self.entry["floor"])

    @property
    def ceiling(self) -> str:
        """One image repeated."""
        return figure(self.entry["ceiling"])

    @property
    def std(self) -> str:
        """Of subsets, where it was measured on such."""
        return figure(self.entry["std"]) if self.entry.get("std") is not None else ""

    @property
    def short(self) -> str:
        """A name that fits into a column."""
        return self.version if len(self.version) <= 14 else f"{self.version[:13]}…"


@dataclass(frozen=True)
class Scale:
    """One measure of all versions that one kind of extractor has judged, the oldest first."""

    id: str
    name: str
    extractor: str
    versions: tuple[Measured, ...]
    top: float = TOP
    bottom: float = TOP + HEIGHT
    height: float = TOP + HEIGHT + 74

    @property
    def width(self) -> str:
        """Of the drawing: that of the page, but where columns would touch each other, what they need."""
        return f"{COLUMN * len(self.versions)}" if len(self.versions) > FITTING else "100%"


def scale(id: str, name: str, extractor: str, versions: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Scale:
    """Draw versions, each a name, a day and an entry of metrics.json; those without a number have their place, too."""
    room = 100 / max(len(versions), 1)
    return Scale(
        id,
        name,
        extractor,
        tuple(_measured(*each, round(room * (place + 0.5), 3)) for place, each in enumerate(versions)),
    )


def _measured(version: str, day: str, entry: Mapping[str, Any], x: float) -> Measured:
    value, floor, ceiling = (entry[name] for name in ("value", "floor", "ceiling"))
    if None in (value, floor, ceiling) or floor == ceiling:
        return Measured(version, day, entry, x, None, None, None)

    def height(number: float) -> float:
        share = float(number - floor) / float(ceiling - floor)
        return round(TOP + HEIGHT * (1 - min(max(share, 0.0), 1.0)), 2)

    std = entry.get("std")
    ends = (height(value - std), height(value + std)) if std is not None else (None, None)
    return Measured(version, day, entry, x, height(value), *ends)
