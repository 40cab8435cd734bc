"""The filters of the history, and which of them an index serves."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import BigIntegerField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from django_filters import CharFilter, ChoiceFilter, DateFilter, FilterSet

from accounts.models import User
from dashboard.periods import DayField, check_order
from galaxies.family_words import family_name
from galaxies.models import Galaxy, Making

VISITOR = gettext_noop("visitor")  # what a filter may say, also in the reader's own language
VOTES = {"any": _("With votes"), "liked": _("Liked"), "disliked": _("Disliked"), "none": _("Without votes")}
Versions = Mapping[int, Mapping[str, Any]]  # version and families by the id of a model version


class DayFilter(DateFilter):
    """Galaxies from a day on, or up to it."""

    field_class = DayField


class HistoryForm(forms.Form):
    """Checks of the filters that need the database or two fields."""

    def clean_who(self) -> str | tuple[int, ...]:
        """Return the ids of the people with this address: two people may have the same one."""
        who = str(self.cleaned_data["who"]).lower()
        if not who or who in (VISITOR, _(VISITOR)):
            return who and VISITOR
        people = tuple(User.objects.filter(email=who).values_list("pk", flat=True))
        if not people:
            raise forms.ValidationError(
                _("Nobody here has this address; write it in full, or “%(visitor)s”.") % {"visitor": _(VISITOR)}
            )
        return people

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        check_order(self, values.get("since"), values.get("until"))
        version = (values.get("family") or "").partition(":")[0]
        if version and values.get("version") and version != values["version"]:
            self.add_error(
                "family",
                _("This is a family of %(version)s, not of %(other)s.")
                % {"version": version, "other": values["version"]},
            )
        return values


# Columns in a form that no index has: SQLite keeps no statistics, and could choose an index that leaves a million rows.
UNINDEXED = {"version_of": F("model_version_id") + 0, "family_of": F("cluster") + 0, "first_maker": F("creator_id") + 0}


class HistoryFilter(FilterSet):
    """Filters for any query of galaxies; the query alone, not the filters, decides which index is used."""

    since = DayFilter(label=_("From"), method="filter_since")
    until = DayFilter(label=_("To"), method="filter_until")
    version = ChoiceFilter(label=_("Model"), method="filter_version", empty_label=_("All models"))
    family = ChoiceFilter(label=_("Family"), method="filter_family", empty_label=_("All"))
    who = CharFilter(label=_("Who"), method="filter_who", max_length=254)
    votes = ChoiceFilter(
        label=_("Votes"), method="filter_votes", choices=list(VOTES.items()), empty_label=_("All votes")
    )

    class Meta:
        form = HistoryForm

    def __init__(self, data: Any, versions: Versions) -> None:
        super().__init__(data, Galaxy.objects.all())
        self.ids = {row["version"]: pk for pk, row in versions.items()}
        self.filters["version"].extra["choices"] = [(name, name) for name in self.ids]
        self.filters["family"].extra["choices"] = [
            (
                row["version"],
                [(f"{row['version']}:{each['id']}", family_name(each["name"])) for each in row["families"]],
            )
            for row in versions.values()
        ]

    def among(self, galaxies: QuerySet[Galaxy], met: Set[str] = frozenset()) -> QuerySet[Galaxy]:
        """Return the galaxies that the valid filters leave. met: names of filters that all of these meet already."""
        kinds = {name: ExpressionWrapper(column, BigIntegerField()) for name, column in UNINDEXED.items()}
        galaxies = galaxies.alias(**kinds)
        for name, filter_ in self.filters.items():
            if name not in met:
                galaxies = filter_.filter(galaxies, self.form.cleaned_data[name])
        return galaxies

    def filter_since(self, galaxies: QuerySet[Galaxy], name: str, value: date) -> QuerySet[Galaxy]:
        return galaxies.filter(_days({"since": value}))

    def filter_until(self, galaxies: QuerySet[Galaxy], name: str, value: date) -> QuerySet[Galaxy]:
        return galaxies.filter(_days({"until": value}))

    def filter_version(self, galaxies: QuerySet[Galaxy], name: str, value: str) -> QuerySet[Galaxy]:
        return galaxies.filter(Q(version_of=self.ids[value]))

    def filter_family(self, galaxies: QuerySet[Galaxy], name: str, value: str) -> QuerySet[Galaxy]:
        version, __, cluster = value.partition(":")
        return galaxies.filter(Q(version_of=self.ids[version], family_of=int(cluster)))

    def filter_who(self, galaxies: QuerySet[Galaxy], name: str, value: str | tuple[int, ...]) -> QuerySet[Galaxy]:
        if isinstance(value, str):  # VISITOR
            return galaxies.filter(Q(first_maker=None))
        return galaxies.filter(Exists(Making.objects.filter(galaxy=OuterRef("pk"), person__in=value)))

    def filter_votes(self, galaxies: QuerySet[Galaxy], name: str, value: str) -> QuerySet[Galaxy]:
        found = {
            "any": Q(likes__gt=0) | Q(dislikes__gt=0),
            "liked": Q(likes__gt=0),
            "disliked": Q(dislikes__gt=0),
            "none": Q(likes=0, dislikes=0),
        }
        return galaxies.filter(found[value])


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _days(values: Mapping[str, Any], column: str = "created") -> Q:
    """The days of the filters as a condition on a time."""
    since, until = values.get("since"), values.get("until")
    end = _midnight(until + timedelta(days=1)) if until and until != date.max else None
    return Q(**{f"{column}__gte": _midnight(since)} if since else {}, **{f"{column}__lt": end} if end else {})


@dataclass(frozen=True)
class Served:
    """Galaxies, or makings of galaxies, that one index finds in the order of `column`, and the filters they all meet.

    A galaxy may have been made by somebody long after it was made first: makings are in no order of galaxies.
    """

    rows: QuerySet[Any]
    filters: frozenset[str]
    column: str = "created"

    @property
    def in_order(self) -> bool:
        """Whether the index has the galaxies themselves in this order."""
        return self.rows.model is Galaxy

    def galaxies(self, rows: QuerySet[Any] | None = None) -> QuerySet[Galaxy]:
        """Return the galaxies of all rows, or of some of them."""
        rows = self.rows.order_by() if rows is None else rows
        return Galaxy.objects.filter(pk__in=rows.values("pk" if self.in_order else "galaxy"))


def served(filters: HistoryFilter) -> list[Served]:
    """Return what indexes find of valid filters, what probably leaves fewest first. The last meets only the days."""
    values = {name: value for name, value in filters.form.cleaned_data.items() if value}
    days = values.keys() & {"since", "until"}
    span = Galaxy.objects.filter(_days(values))
    found = []
    if who := values.get("who"):
        makings = Making.objects.filter(_days(values, "galaxy__created"))
        rows = span.filter(creator=None) if who == VISITOR else makings.filter(person__in=who)
        found.append(Served(rows, frozenset({"who", *days})))
    if family := values.get("family"):
        version, __, cluster = family.partition(":")
        of = span.filter(model_version=filters.ids[version], cluster=int(cluster))
        found.append(Served(of, frozenset({"version", "family", *days})))
    elif version := values.get("version"):
        found.append(Served(span.filter(model_version=filters.ids[version]), frozenset({"version", *days})))
    if column := {"liked": "likes", "disliked": "dislikes"}.get(values.get("votes", "")):
        voted = Galaxy.objects.filter(**{f"{column}__gt": 0})
        found.append(Served(voted, frozenset({"votes"}), column))
    return [*found, Served(span, frozenset(days))]
