"""What the overview shows, from the tallies: a few thousand rows, however many galaxies there are.

days, known = sums_by_day(), versions()
whole = read_whole(today, days, known)                  # whatever is looked at
report = read_period(period, today, days, known)        # what happened in the period
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from accounts.models import User
from dashboard.charts import Approval, Approvals, Bars, Scale, approvals, bars, scale
from dashboard.periods import DAY, Period, written
from galaxies.models import Galaxy, ModelVersion, Tally

COLUMNS = ("generated", "likes", "dislikes")
BEST = 6  # galaxies shown of the most liked, and of the most disliked
METRICS = {"kid": "KID", "fid": "FID"}
Days = Mapping[date, tuple[int, int, int]]  # generated, likes, dislikes


@dataclass(frozen=True)
class Total:
    """A number of all time, of today so far, of the last 7 full days, and what these stand beside."""

    name: str
    all: int
    today: int
    week_ago: int  # the whole day
    last: int
    before: int

    @property
    def change(self) -> str:
        """From the 7 days before to the last 7."""
        if not self.before:
            return ""
        percent = round(100 * (self.last - self.before) / self.before)
        return f"{percent:+,}%".replace("-", "−")  # noqa: RUF001  (a minus, as print has it)


@dataclass(frozen=True)
class Row:
    """A span of days in the tables behind the charts."""

    label: str
    generated: int
    likes: int
    dislikes: int


@dataclass(frozen=True)
class Shown:
    """A galaxy among the most liked or disliked."""

    galaxy: Galaxy
    family: str


@dataclass(frozen=True)
class Report:
    """All that depends on the period."""

    period: Period
    step: str
    rows: tuple[Row, ...]
    generated: Bars
    votes: Bars
    sum: Row
    approval: Approval
    families: Approvals
    versions: Approvals


@dataclass(frozen=True)
class Whole:
    """All that does not."""

    totals: tuple[Total, ...]
    most_liked: tuple[Shown, ...]
    most_disliked: tuple[Shown, ...]
    scales: tuple[Scale, ...]
    unmeasured: tuple[str, ...]


def sums_by_day() -> Days:
    """All days on which something happened, in order."""
    sums = Tally.objects.values_list("day").annotate(*(Sum(name, default=0) for name in COLUMNS)).order_by("day")
    return {day: tuple(numbers) for day, *numbers in sums if any(numbers)}


def versions() -> dict[int, dict[str, Any]]:
    """What is needed of every model version by its id, the oldest first."""
    wanted = ("pk", "version", "is_active", "trained", "registered", "families")
    numbers = ("metrics__kid", "metrics__fid", "metrics__other_extractors")  # without the rest, which is long
    return {row["pk"]: row for row in ModelVersion.objects.order_by("registered", "pk").values(*wanted, *numbers)}


def read_period(period: Period, today: date, days: Days, known: Mapping[int, dict[str, Any]]) -> Report:
    """What happened in a period."""
    charted = period.charted(next(iter(days), None))
    rows = tuple(Row(span.label, *_sum(days, span.since, span.until)) for span in charted.spans())
    labels, whole = [row.label for row in rows], Row(str(period), *_sum(days, period.since, period.until))
    unfinished = charted.until == today
    families, by_version = _votes(period, known)
    return Report(
        period,
        charted.step,
        rows,
        _short_labels(bars(labels, [row.generated for row in rows], unfinished=unfinished), charted),
        _short_labels(bars(labels, [row.likes for row in rows], [row.dislikes for row in rows], unfinished), charted),
        whole,
        Approval("All votes", whole.likes, whole.dislikes),
        approvals(families),
        approvals(by_version),
    )


def _short_labels(drawn: Bars, period: Period) -> Bars:
    """Below the axis "3 Mar" says enough of a day or a week."""
    if period.step not in (DAY, "week"):
        return drawn
    labels = tuple(replace(line, text=" ".join(line.text.split(" ")[:2])) for line in drawn.labels)
    return replace(drawn, labels=labels)


def _sum(days: Days, since: date, until: date) -> tuple[int, int, int]:
    inside = [numbers for day, numbers in days.items() if since <= day <= until]
    generated, likes, dislikes = (sum(each) for each in zip(*inside, strict=True)) if inside else (0, 0, 0)
    return generated, likes, dislikes


def _votes(
    period: Period, known: Mapping[int, dict[str, Any]]
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Likes and dislikes by family of the active version, and by version."""
    cast = Tally.objects.filter(day__gte=period.since, day__lte=period.until)
    sums = {
        (version, cluster): (likes, dislikes)
        for version, cluster, likes, dislikes in cast.values_list("model_version", "cluster").annotate(
            Sum("likes"), Sum("dislikes")
        )
    }
    families = {
        family["name"]: sums.get((pk, family["id"]), (0, 0))
        for pk, version in known.items()
        if version["is_active"]
        for family in version["families"]
    }
    by_version = {
        version["version"]: (
            sum(likes for (of, _), (likes, _) in sums.items() if of == pk),
            sum(dislikes for (of, _), (_, dislikes) in sums.items() if of == pk),
        )
        for pk, version in known.items()
    }
    return families, by_version


def read_whole(today: date, days: Days, known: Mapping[int, dict[str, Any]]) -> Whole:
    """What is true whatever period is looked at."""
    measured = tuple(_scales(known.values()))
    return Whole(
        (*_totals(today, days), _people(today)),
        _shown(Galaxy.objects.filter(likes__gt=0).order_by("-likes", "-id"), known),
        _shown(Galaxy.objects.filter(dislikes__gt=0).order_by("-dislikes", "-id"), known),
        measured,
        tuple(row["version"] for row in known.values() if not row["metrics__kid"] and not row["metrics__fid"]),
    )


def _totals(today: date, days: Days) -> Iterable[Total]:
    week = timedelta(days=7)
    spans = [
        (next(iter(days), today), max([today, *days])),
        (today, today),
        (today - week, today - week),
        (today - week, today - timedelta(days=1)),
        (today - 2 * week, today - timedelta(days=8)),
    ]
    sums = [_sum(days, *span) for span in spans]
    for place, name in enumerate(("Generated", "Likes", "Dislikes")):
        yield Total(name, *(each[place] for each in sums))


def _people(today: date) -> Total:
    day, week = timedelta(days=1), timedelta(days=7)

    def joined(since: date, until: date) -> Count:
        return Count("pk", filter=Q(date_joined__gte=_midnight(since), date_joined__lt=_midnight(until)))

    spans = [
        (today, today + day),
        (today - week, today - week + day),
        (today - week, today),
        (today - 2 * week, today - week),
    ]
    counts = User.objects.aggregate(
        total=Count("pk"), **{f"span_{place}": joined(*span) for place, span in enumerate(spans)}
    )
    return Total("People", counts["total"], *(counts[f"span_{place}"] for place in range(4)))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _shown(galaxies: QuerySet[Galaxy], known: Mapping[int, dict[str, Any]]) -> tuple[Shown, ...]:
    wanted = galaxies.only("public_id", "model_version", "cluster", "seed", "likes", "dislikes")[:BEST]
    return tuple(Shown(galaxy, family_name(known[galaxy.model_version_id], galaxy.cluster)) for galaxy in wanted)


def family_name(version: Mapping[str, Any], cluster: int) -> str:
    """What people call a cluster of a version."""
    return next((family["name"] for family in version["families"] if family["id"] == cluster), f"Family {cluster}")


def _scales(known: Iterable[dict[str, Any]]) -> Iterator[Scale]:
    for metric, name in METRICS.items():
        judged: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for row in sorted(known, key=_trained):
            others = (row["metrics__other_extractors"] or {}).values()
            for entry in (row[f"metrics__{metric}"], *(numbers.get(metric) for numbers in others)):
                if entry:
                    judged.setdefault(entry["extractor"], []).append((row["version"], written(_trained(row)), entry))
        for extractor, entries in judged.items():
            yield scale(f"{metric}-{extractor}", name, extractor, entries)


def _trained(row: Mapping[str, Any]) -> date:
    """The day on which a version was trained or, where its bundle does not say, registered."""
    try:
        return date.fromisoformat(row["trained"][:10])
    except ValueError:
        return row["registered"].date()  # type: ignore[no-any-return]
