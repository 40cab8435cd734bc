"""{{ run.message|in_words }}: what is stored in English, or said by code that knows no languages, for the reader."""

from django import template

from galaxies.sentences import in_words

register = template.Library()

register.filter("in_words", in_words)
