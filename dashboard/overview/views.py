"""The overview: what is generated, and what people think of it."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from dashboard.overview.query import read_period, read_whole, sums_by_day, versions
from dashboard.periods import PRESETS, PeriodForm
from dashboard.staff import staff_only
from galaxies.views.http import HtmxHttpRequest


@require_safe
@staff_only
@vary_on_headers("HX-Request")
def overview(request: HtmxHttpRequest) -> HttpResponse:
    """Show the numbers of a range of days and those of all time; to htmx, the former alone."""
    today = timezone.now().date()  # in UTC, as the tallies
    days, known = sums_by_day(), versions()
    form = PeriodForm(request.GET, today, next(iter(days), None))
    report = read_period(form.period, today, days, known) if form.is_valid() else None
    active = next((row["version"] for row in known.values() if row["is_active"]), "")
    context: dict[str, Any] = {"form": form, "report": report, "presets": PRESETS, "today": today, "active": active}
    status = 200 if report else 422
    if request.htmx:
        return render(request, "dashboard/overview.html#period", context, status=status)
    context |= {"whole": read_whole(today, days, known), "week_ago": today - timedelta(days=7)}
    return render(request, "dashboard/overview.html", context, status=status)
