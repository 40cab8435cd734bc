"""Ranges of days, and their groups for a chart: days, weeks, months or years."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

MAX_BARS = 100
DAY, WEEK, MONTH, YEAR = gettext_noop("day"), gettext_noop("week"), gettext_noop("month"), gettext_noop("year")
PRESETS = {"7": _("7 days"), "30": _("30 days"), "90": _("90 days"), "all": _("All time")}
DEFAULT = "30"


class DayField(forms.DateField):
    """A day as year-month-day: what date inputs send, and easy to write into a URL."""

    def __init__(self, label: "str | StrPromise", required: bool = False) -> None:
        super().__init__(
            label=label,
            required=required,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": _("Write a day as year, month and day: 2026-03-31.")},
        )


def check_order(form: forms.Form, since: date | None, until: date | None) -> None:
    """Add an error to the form if the last day is before the first."""
    if since and until and since > until:
        form.add_error(
            "until",
            _("The last day, %(until)s, lies before the first, %(since)s; swap them.")
            % {"until": until, "since": since},
        )


class PeriodForm(forms.Form):
    """Two days, or a preset that ends today; empty for the last 30 days."""

    range = forms.ChoiceField(
        required=False,
        choices=list(PRESETS.items()),
        error_messages={"invalid_choice": _("Choose one of the ranges shown.")},
    )
    since = DayField(_("From"))
    until = DayField(_("To"))

    def __init__(self, data: Any, today: date, first: date | None) -> None:
        """first: the day of the first galaxy or vote, where "all" begins."""
        super().__init__(data)
        self.today, self.first = today, first

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        check_order(self, since, until)
        if since and since > self.today:
            self.add_error(
                "since",
                _("%(day)s lies in the future; choose a day up to today, %(today)s.")
                % {"day": since, "today": self.today},
            )
        return values

    @property
    def preset(self) -> str:
        """The preset, "" if days are given. The form must be valid."""
        if self.cleaned_data["since"] or self.cleaned_data["until"]:
            return ""
        return self.cleaned_data["range"] or DEFAULT

    @property
    def period(self) -> "Period":
        """The days. The form must be valid."""
        since, until = self.cleaned_data["since"], min(self.cleaned_data["until"] or self.today, self.today)
        if self.preset in PRESETS and self.preset != "all":
            since = self.today - timedelta(days=int(self.preset) - 1)
        return Period(since or min(self.first or until, until), until)


@dataclass(frozen=True)
class Span:
    """The days of a bar, both ends included."""

    since: date
    until: date
    label: str


@dataclass(frozen=True)
class Period:
    """Days from `since` to `until`, both included."""

    since: date
    until: date

    def __str__(self) -> str:
        if self.since == self.until:
            return written(self.since)
        return _range(self.since, self.until)

    def charted(self, first: date | None) -> "Period":
        """Return the period without the years before the first day, which would leave no room for the others."""
        if (self.until - self.since).days < MAX_BARS:
            return self
        return Period(min(max(self.since, first or self.until), self.until), self.until)

    @property
    def step(self) -> str:
        """What a bar stands for: the shortest of day, week, month and year that gives at most MAX_BARS bars."""
        days = (self.until - self.since).days + 1
        for step, length in ((DAY, 1), (WEEK, 7), (MONTH, 30.4)):
            if days / length <= MAX_BARS - 2:  # the first and the last may be incomplete
                return step
        return YEAR

    def spans(self) -> Iterator[Span]:
        """Yield the days, weeks from Monday, months or years; the first and the last are cut to the period."""
        step, since = self.step, self.since
        while since <= self.until:
            until = min(_end(since, step), self.until)
            yield Span(since, until, _label(since, until, step))
            since = until + timedelta(days=1)


def written(day: date) -> str:
    """Return a day as "3 Mar 2026", in the reader's language."""
    return date_format(day, "SHORT_DATE_FORMAT")


def _range(since: date, until: date) -> str:
    return _("%(since)s to %(until)s") % {"since": written(since), "until": written(until)}


def _end(day: date, step: str) -> date:
    if step == WEEK:
        return day + timedelta(days=6 - day.weekday())
    if step == MONTH:
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return day.replace(month=12, day=31) if step == YEAR else day


def _label(since: date, until: date, step: str) -> str:
    if step == MONTH:
        return date_format(since, pgettext("a month and its year, as Django writes dates", "M Y"))
    if step == YEAR:
        return str(since.year)
    return written(since) if since == until else _range(since, until)
