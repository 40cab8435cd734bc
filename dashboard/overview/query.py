"""The numbers of the overview, from the tallies: a few thousand rows, however many galaxies there are.

days, known = sums_by_day(), versions()
whole = read_whole(today, days, known)                  # what does not depend on the period
report = read_period(period, today, days, known)        # what happened in the period
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from dashboard.charts import ApprovalChart, Bars, Scale, approval_chart, bars, scale
from dashboard.periods import DAY, Period, written
from galaxies.approval import Approval
from galaxies.extractors import rank
from galaxies.family_words import family_name as in_words
from galaxies.models import Galaxy, ModelVersion, Tally
from nebulai import numbers

BEST = 6  # galaxies shown of the most liked, and of the most disliked
METRICS = {"kid": "KID", "fid": "FID"}
Days = Mapping[date, tuple[int, int, int]]  # generated, likes, dislikes


@dataclass(frozen=True, kw_only=True)
class Total:
    """A number of all time, of today so far and of the last 7 days with today, and what to compare these with."""

    name: str
    all: int
    today: int
    week_ago: int  # the whole day
    last: int  # 7 days, the last of them today so far
    before: int  # the 7 days before those

    @property
    def change(self) -> str:
        """The change from the 7 days before to the last 7, in percent; "" where there is none."""
        if not self.before:
            return ""
        percent = round(100 * (self.last - self.before) / self.before)
        sign = "−" if percent < 0 else "+"  # noqa: RUF001  (a minus, as print has it)
        return f"{sign}{numbers.percent(abs(percent))}"


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


@dataclass(frozen=True, kw_only=True)
class Report:
    """All numbers that depend on the period."""

    period: Period
    step: str
    rows: tuple[Row, ...]
    generated: Bars
    votes: Bars
    sum: Row
    approval: Approval
    families: ApprovalChart
    versions: ApprovalChart


@dataclass(frozen=True, kw_only=True)
class Whole:
    """All numbers that do not depend on the period."""

    totals: tuple[Total, ...]
    most_liked: tuple[Shown, ...]
    most_disliked: tuple[Shown, ...]
    scales: tuple[Scale, ...]
    unmeasured: tuple[str, ...]


def sums_by_day() -> Days:
    """Return the days on which something was generated or voted on, in order, with their sums."""
    sums = Tally.objects.sums_by("day")
    return {
        day: (generated, likes, dislikes) for day, generated, likes, dislikes in sums if generated or likes or dislikes
    }


def versions() -> dict[int, dict[str, Any]]:
    """Return what the overview needs of every model version by its id, the oldest first."""
    wanted = ("pk", "version", "is_active", "trained", "registered", "families")
    numbers = ("metrics__kid", "metrics__fid", "metrics__other_extractors")  # without the rest, which is long
    return {row["pk"]: row for row in ModelVersion.objects.order_by("registered", "pk").values(*wanted, *numbers)}


def read_period(period: Period, today: date, days: Days, known: Mapping[int, dict[str, Any]]) -> Report:
    """Return the numbers of a period. today: the last day that may be in it, and which is not over."""
    charted = period.charted(next(iter(days), None))
    rows = tuple(Row(span.label, *_sum(days, span.since, span.until)) for span in charted.spans())
    labels, whole = [row.label for row in rows], Row(str(period), *_sum(days, period.since, period.until))
    unfinished = charted.until == today
    generated = bars(labels, [row.generated for row in rows], unfinished=unfinished)
    votes = bars(labels, [row.likes for row in rows], [row.dislikes for row in rows], unfinished=unfinished)
    families, by_version = _approvals(period, known)
    return Report(
        period=period,
        step=charted.step,
        rows=rows,
        generated=_short_labels(generated, charted),
        votes=_short_labels(votes, charted),
        sum=whole,
        approval=Approval(whole.likes, whole.dislikes),
        families=approval_chart(families),
        versions=approval_chart(by_version),
    )


def _short_labels(drawn: Bars, period: Period) -> Bars:
    """Shorten the labels of days and weeks below the axis to "3 Mar"."""
    if period.step not in (DAY, "week"):
        return drawn
    labels = tuple(replace(line, text=" ".join(line.text.split(" ")[:2])) for line in drawn.labels)
    return replace(drawn, labels=labels)


def _sum(days: Days, since: date, until: date) -> tuple[int, int, int]:
    inside = [numbers for day, numbers in days.items() if since <= day <= until]
    generated, likes, dislikes = (sum(each) for each in zip(*inside, strict=True)) if inside else (0, 0, 0)
    return generated, likes, dislikes


def _approvals(period: Period, known: Mapping[int, dict[str, Any]]) -> tuple[dict[str, Approval], dict[str, Approval]]:
    """Return the approval of each family of the active version, and of each version, by their names."""
    cast = Tally.objects.filter(day__gte=period.since, day__lte=period.until)
    sums = {
        (version, cluster): (likes, dislikes)
        for version, cluster, __, likes, dislikes in cast.sums_by("model_version", "cluster")
    }
    families = {
        in_words(family["name"]): Approval(*sums.get((pk, family["id"]), (0, 0)))
        for pk, version in known.items()
        if version["is_active"]
        for family in version["families"]
    }
    by_version = {
        version["version"]: Approval(
            sum(likes for (of, __), (likes, __) in sums.items() if of == pk),
            sum(dislikes for (of, __), (__, dislikes) in sums.items() if of == pk),
        )
        for pk, version in known.items()
    }
    return families, by_version


def read_whole(today: date, days: Days, known: Mapping[int, dict[str, Any]]) -> Whole:
    """Return the numbers that do not depend on the period."""
    unmeasured = (row["version"] for row in known.values() if not row["metrics__kid"] and not row["metrics__fid"])
    return Whole(
        totals=(*_totals(today, days), _people(today)),
        most_liked=_shown(Galaxy.objects.filter(likes__gt=0).order_by("-likes", "-id"), known),
        most_disliked=_shown(Galaxy.objects.filter(dislikes__gt=0).order_by("-dislikes", "-id"), known),
        scales=tuple(_scales(known.values())),
        unmeasured=tuple(unmeasured),
    )


def _totals(today: date, days: Days) -> Iterable[Total]:
    week = timedelta(days=7)
    spans = {
        "all": (next(iter(days), today), max([today, *days])),
        "today": (today, today),
        "week_ago": (today - week, today - week),
        "last": (today - timedelta(days=6), today),
        "before": (today - timedelta(days=13), today - week),
    }
    sums = {span: _sum(days, *ends) for span, ends in spans.items()}
    for place, name in enumerate((_("Generated"), _("Likes"), _("Dislikes"))):
        yield Total(name=name, **{span: numbers[place] for span, numbers in sums.items()})


def _people(today: date) -> Total:
    day, week = timedelta(days=1), timedelta(days=7)

    def joined(since: date, until: date) -> Count:
        return Count("pk", filter=Q(date_joined__gte=_midnight(since), date_joined__lt=_midnight(until)))

    counts = User.objects.aggregate(
        all=Count("pk"),
        today=joined(today, today + day),
        week_ago=joined(today - week, today - week + day),
        last=joined(today - timedelta(days=6), today + day),
        before=joined(today - timedelta(days=13), today - timedelta(days=6)),
    )
    return Total(name=_("People"), **counts)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _shown(galaxies: QuerySet[Galaxy], known: Mapping[int, dict[str, Any]]) -> tuple[Shown, ...]:
    wanted = galaxies.only("public_id", "model_version", "cluster", "seed", "likes", "dislikes")[:BEST]
    return tuple(
        Shown(galaxy, in_words(family_name(known[galaxy.model_version_id], galaxy.cluster))) for galaxy in wanted
    )


def family_name(version: Mapping[str, Any], cluster: int) -> str:
    """Return the name of a cluster of a version, as its bundle has it."""
    names = {family["id"]: family["name"] for family in version["families"]}
    return names.get(cluster) or _("Family %(number)s") % {"number": cluster}


def _scales(known: Iterable[dict[str, Any]]) -> Iterator[Scale]:
    for metric, name in METRICS.items():
        measured: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for row in sorted(known, key=_trained):
            others = (row["metrics__other_extractors"] or {}).values()
            for entry in (row[f"metrics__{metric}"], *(other.get(metric) for other in others)):
                if entry:
                    measured.setdefault(entry["extractor"], []).append((row["version"], written(_trained(row)), entry))
        for extractor, entries in sorted(measured.items(), key=lambda item: rank(item[0])):
            yield scale(f"{metric}-{extractor}", name, extractor, entries)


def _trained(row: Mapping[str, Any]) -> date:
    """Return the day on which a version was trained or, if its bundle does not say, registered."""
    try:
        return date.fromisoformat(row["trained"][:10])
    except ValueError:
        return row["registered"].date()  # type: ignore[no-any-return]
