"""{{ approval.share|percent:1 }}, {{ family.share|share }}: shares as the reader's language writes them."""

from django import template
from django.utils.formats import number_format

from nebulai import numbers

register = template.Library()


@register.filter
def decimal(value: object) -> str:
    """Return a number, or what somebody typed as one, with the digits that it has."""
    try:
        return number_format(f"{float(str(value)):g}")
    except ValueError:
        return str(value)


@register.filter
def percent(value: float, digits: int = 0) -> str:
    """Return a share that is given in percent."""
    return numbers.percent(value, digits)


@register.filter
def share(value: float, digits: int = 0) -> str:
    """Return a share that is given from 0 to 1."""
    return numbers.percent(100 * value, digits)
