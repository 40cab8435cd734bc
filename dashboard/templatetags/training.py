from django import template

from galaxies import charts

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """About how long, as anybody says it."""
    if seconds <= 0:
        return "not known yet"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@register.filter
def figure(number: float) -> str:
    """With as many digits as anybody reads."""
    return charts.figure(number)
