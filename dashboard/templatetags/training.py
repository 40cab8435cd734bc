"""Filters for times and numbers of a training run."""

from django import template
from django.utils.translation import gettext as _

from galaxies import charts
from nebulai.numbers import number

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """Return seconds as text: "45 s", "12 min", "3.5 h"."""
    if seconds <= 0:
        return _("not known yet")
    if seconds < 90:
        return _("%(number)s s") % {"number": number(seconds)}
    if seconds < 5400:
        return _("%(number)s min") % {"number": number(seconds / 60)}
    return _("%(number)s h") % {"number": number(seconds / 3600, 1)}


@register.filter
def figure(number: float) -> str:
    """Return a number as text with two or three significant digits."""
    return charts.figure(number)
