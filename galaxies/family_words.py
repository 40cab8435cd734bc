"""What galaxies.ml.features.family_names calls a family, in the reader's language.

Bundles and the database keep names and sentences in English; so do files, which are for everybody.

shown = in_words(version.family(3))      # name and sentence translated; words that are not ours stay as they are
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

# A row for each noun: elsewhere the colour goes into the middle, and both agree.
NAMES = (
    gettext_noop("blue needles"), gettext_noop("ivory needles"), gettext_noop("golden needles"),
    gettext_noop("amber needles"),
    gettext_noop("blue ellipses"), gettext_noop("ivory ellipses"), gettext_noop("golden ellipses"),
    gettext_noop("amber ellipses"),
    gettext_noop("blue ovals"), gettext_noop("ivory ovals"), gettext_noop("golden ovals"),
    gettext_noop("amber ovals"),
    gettext_noop("blue rounds"), gettext_noop("ivory rounds"), gettext_noop("golden rounds"),
    gettext_noop("amber rounds"),
    gettext_noop("blue edge-on discs"), gettext_noop("ivory edge-on discs"), gettext_noop("golden edge-on discs"),
    gettext_noop("amber edge-on discs"),
    gettext_noop("blue tilted spirals"), gettext_noop("ivory tilted spirals"), gettext_noop("golden tilted spirals"),
    gettext_noop("amber tilted spirals"),
    gettext_noop("blue face-on spirals"), gettext_noop("ivory face-on spirals"),
    gettext_noop("golden face-on spirals"), gettext_noop("amber face-on spirals"),
    gettext_noop("blue oval ellipticals"), gettext_noop("ivory oval ellipticals"),
    gettext_noop("golden oval ellipticals"), gettext_noop("amber oval ellipticals"),
    gettext_noop("blue round ellipticals"), gettext_noop("ivory round ellipticals"),
    gettext_noop("golden round ellipticals"), gettext_noop("amber round ellipticals"),
    gettext_noop("blue disturbed galaxies"), gettext_noop("ivory disturbed galaxies"),
    gettext_noop("golden disturbed galaxies"), gettext_noop("amber disturbed galaxies"),
)  # fmt: skip
SIZED = {
    "small": gettext_noop("small %(family)s"),
    "mid-size": gettext_noop("mid-size %(family)s"),
    "large": gettext_noop("large %(family)s"),
    "huge": gettext_noop("huge %(family)s"),
}
NUMBERED = gettext_noop("no. %(number)s %(family)s")

SIZES = (gettext_noop("Compact"), gettext_noop("Middle-sized"), gettext_noop("Extended"))
COLOURS = (gettext_noop("bluish"), gettext_noop("pale"), gettext_noop("golden"), gettext_noop("deep amber"))
SHAPES = (
    gettext_noop("needle-thin"),
    gettext_noop("clearly elongated"),
    gettext_noop("gently oval"),
    gettext_noop("nearly round"),
)
# Classes of the catalogues that our bundles learned from; those of other data keep their names.
CLASSES = (
    gettext_noop("smooth round"), gettext_noop("smooth cigar"), gettext_noop("smooth inbetween"),
    gettext_noop("spiral"), gettext_noop("edge on"), gettext_noop("disturbed"), gettext_noop("merging"),
    gettext_noop("round smooth"), gettext_noop("in-between round smooth"), gettext_noop("cigar-shaped smooth"),
    gettext_noop("barred spiral"), gettext_noop("unbarred tight spiral"), gettext_noop("unbarred loose spiral"),
    gettext_noop("edge-on without bulge"), gettext_noop("edge-on with bulge"),
)  # fmt: skip

SIZED_NAME = re.compile(rf"({'|'.join(SIZED)}|no\. (\d+)) (.+)")
SENTENCE = re.compile(
    rf"({'|'.join(SIZES)}), ({'|'.join(COLOURS)}) and ({'|'.join(SHAPES)})\."
    r"(?: (\d+)% of its labelled members are called (.+)\.)?"
)


def in_words(family: Mapping[str, Any]) -> dict[str, Any]:
    """Return the family with its name and sentence in the reader's language."""
    name, sentence = _in_words(family["name"], family["sentence"], get_language())
    return {**family, "name": name, "sentence": sentence}


@lru_cache(maxsize=1024)  # a page names the same few families dozens of times
def _in_words(name: str, sentence: str, language: str | None) -> tuple[str, str]:
    return family_name(name), family_sentence(sentence)


def family_name(name: str) -> str:
    """Return a family's name in the reader's language."""
    key = name[:1].lower() + name[1:]
    if not (sized := SIZED_NAME.fullmatch(key)):
        return capfirst(_(key)) if key in NAMES else name
    size, number, family = sized.groups()
    if family not in NAMES:
        return name
    return capfirst(_(NUMBERED if number else SIZED[size]) % {"family": _(family), "number": number})


def class_name(name: str) -> str:
    """Return what a catalogue calls a class, in the reader's language."""
    words = name.replace("_", " ")
    return _(words) if words in CLASSES else words


def family_sentence(sentence: str) -> str:
    """Return the sentence about a family in the reader's language."""
    if not (found := SENTENCE.fullmatch(sentence)):
        return sentence
    size, colour, shape, percent, name = found.groups()
    said = _("%(size)s, %(colour)s and %(shape)s.") % {"size": _(size), "colour": _(colour), "shape": _(shape)}
    if percent:
        words = {"percent": percent, "name": class_name(name)}
        said += " " + _("%(percent)s%% of its labelled members are called %(name)s.") % words
    return said
