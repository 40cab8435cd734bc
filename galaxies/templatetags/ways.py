"""{% has_quiz as quiz %}: what of the site is there to be led to."""

from django import template

from galaxies.quiz.photographs import source

register = template.Library()


@register.simple_tag
def has_quiz() -> bool:
    """Whether there are photographs for /quiz/."""
    return source() is not None
