"""Filters for times and numbers of a training run."""

from django import template

from galaxies import charts

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """Return seconds as text: "45 s", "12 min", "3.5 h"."""
    if seconds <= 0:
        return "not known yet"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@register.filter
def figure(number: float) -> str:
    """Return a number as text with two or three significant digits."""
    return charts.figure(number)
