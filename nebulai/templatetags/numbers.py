"""{{ approval.share|percent:1 }}, {{ family.share|share }}: shares as the reader's language writes them."""

from django import template

from nebulai import numbers

register = template.Library()


@register.filter
def percent(value: float, digits: int = 0) -> str:
    """Return a share that is given in percent."""
    return numbers.percent(value, digits)


@register.filter
def share(value: float, digits: int = 0) -> str:
    """Return a share that is given from 0 to 1."""
    return numbers.percent(100 * value, digits)
