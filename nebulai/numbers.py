"""Numbers as text for people, as their language writes them.

number(1234.5, 1)                       # "1,234.5"; in French "1 234,5"
percent(12.34, 1)                       # "12.3%"; in French "12,3 %"
"""

from django.utils.formats import number_format
from django.utils.translation import gettext as _


def number(value: float, digits: int = 0) -> str:
    """Return a number rounded to so many digits after the point, its thousands apart."""
    return number_format(f"{value:.{digits}f}", force_grouping=True)


def percent(value: float, digits: int = 0) -> str:
    """Return a share that is given in percent."""
    return _("%(number)s%%") % {"number": number(value, digits)}
