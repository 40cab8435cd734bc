"""Every string in every language: what pages say is in the catalogue, and the catalogue is whole."""

import ast
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation

from galaxies import family_words, sentences
from galaxies.family_words import in_words
from galaxies.ml.kid_in_words import IN_WORDS
from nebulai.numbers import number, percent

LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
PLACES = re.compile(r"%\(\w+\)s|\{\}|<[^>]+>")
SOURCES = ("accounts", "dashboard", "galaxies", "nebulai", "templates")
NOT_SAID = ("tests", "migrations")

# What is left of a template without what goes through gettext or comes from Python: markup, and these words
THROUGH_GETTEXT = re.compile(
    r"{%\s*blocktranslate.*?{%\s*endblocktranslate\s*%}|{%\s*comment.*?{%\s*endcomment\s*%}|<code>.*?</code>"
    r"|<!--.*?-->|{#.*?#}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
READ_ALOUD = re.compile(r'\s(?:alt|title|aria-label|placeholder)="([^"]*)"')
TEMPLATES = [path for path in (settings.BASE_DIR / "templates").rglob("*") if path.suffix in (".html", ".txt")]
WORDS = re.compile(r"[^\W\d_]{2,}")
NAMES = {"NebulAI", "PNG", "WebP", "FITS", "GIF", "CSV", "KID", "FID", "AUC", "UTC", "R²", "px"}

# Calls and arguments whose text people read, where a page answers
SAY = {"problem", "Busy", "ValidationError", "add_error", "message_user", "VersionError", "NotUsable", "NoRecipe"}
SHOW = {"success", "info", "warning", "error"}  # of django.contrib.messages
READ = {"label", "help_text", "verbose_name", "verbose_name_plural", "empty_label", "description"}
FOR_THE_TERMINAL = ("ml", "management", *NOT_SAID)


def file(language: str, suffix: str) -> Path:
    return settings.BASE_DIR / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as opened:
        return read_po(opened)


def messages(language: str) -> list[Message]:
    return [message for message in catalogue(file(language, "po")) if message.id]


def forms(text: object) -> tuple[str, ...]:
    """A message's singular and plural, or its only form."""
    return tuple(text) if isinstance(text, tuple | list) else (str(text),)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated_and_no_translation_is_a_guess(language: str) -> None:
    missing = [message.id for message in messages(language) if not all(forms(message.string))]
    assert missing == []
    assert [message.id for message in messages(language) if message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_places_and_the_markup_of_its_string(language: str) -> None:
    for message in messages(language):
        original, translated = forms(message.id)[-1], forms(message.string)[-1]
        assert sorted(PLACES.findall(original)) == sorted(PLACES.findall(translated)), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_file_is_that_of_the_text_file(language: str) -> None:
    with file(language, "mo").open("rb") as opened:
        compiled = {(each.context, forms(each.id)): forms(each.string) for each in read_mo(opened) if each.id}
    written = {(each.context, forms(each.id)): forms(each.string) for each in messages(language)}
    assert compiled == written, "run make messages"


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("xgettext"), reason="gettext is not installed, which finds the strings in the code"
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_all_that_pages_say_and_nothing_else(tmp_path: Path, language: str) -> None:
    for name in SOURCES:
        shutil.copytree(settings.BASE_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns(*NOT_SAID, "*.pyc"))
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", language, "--no-location"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)  # noqa: S603
    found = catalogue(next(tmp_path.glob("locale/*/*/django.po")))
    said = {(each.context, forms(each.id)) for each in found if each.id}
    known = {(each.context, forms(each.id)) for each in messages(language)}
    assert sorted(forms_ for _context, forms_ in said - known) == [], "run make messages, and translate these"
    assert sorted(forms_ for _context, forms_ in known - said) == [], "run make messages: nothing says these any more"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_says_nothing_but_through_gettext(path: Path) -> None:
    left = THROUGH_GETTEXT.sub("", path.read_text())
    said = " ".join([*READ_ALOUD.findall(left), re.sub(r"<[^>]*>|&\w+;", "", left)])
    assert set(WORDS.findall(said)) - NAMES == set()


def is_text(node: ast.expr) -> bool:
    """A sentence, or one put together; a single word may be a key."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and " " in str(node.value))


def texts_of(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call that people read."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    owner = getattr(getattr(call.func, "value", None), "id", "")
    said = call.args if name in SAY or (owner == "messages" and name in SHOW) else []
    return [*said, *(keyword.value for keyword in call.keywords if keyword.arg in READ)]


@pytest.mark.parametrize("app", ["accounts", "dashboard", "galaxies", "nebulai"])
def test_python_says_nothing_to_people_but_through_gettext(app: str) -> None:
    bare = []
    for path in (settings.BASE_DIR / app).rglob("*.py"):
        if not set(FOR_THE_TERMINAL) & set(path.parts):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            bare += [f"{path.name}:{text.lineno}" for call in calls for text in texts_of(call) if is_text(text)]
    assert bare == []


def test_every_family_name_that_naming_makes_is_translated() -> None:
    sizes = ("", "Small ", "Mid-size ", "Large ", "Huge ", "No. 5 ")
    nouns = (
        *("needles", "ellipses", "ovals", "rounds", "edge-on discs", "tilted spirals", "face-on spirals"),
        *("oval ellipticals", "round ellipticals", "disturbed galaxies"),
    )
    with translation.override("fr"):
        for size, colour, noun in product(sizes, ("Blue", "Ivory", "Golden", "Amber"), nouns):
            name = f"{size}{colour.lower() if size else colour} {noun}"
            shown = family_words.family_name(name)
            assert shown != name
            assert shown[0].isupper()
            assert not re.search(r"blue|ivory|golden|amber|small|huge|large ", shown, re.IGNORECASE), shown


def test_a_familys_words_are_in_the_readers_language_and_others_stay() -> None:
    family = {
        "id": 3,
        "name": "Small golden edge-on discs",
        "sentence": "Compact, golden and clearly elongated. 58% of its labelled members are called edge on.",
    }
    assert in_words(family) == family
    with translation.override("fr"):
        shown = in_words(family)
        own = {"id": 1, "name": "Marie's favourites", "sentence": "Whatever she likes."}
        assert in_words(own) == own
    assert shown["name"] == "Disques dorés vus par la tranche de petite taille"
    assert shown["sentence"].startswith("Compactes, dorées et nettement allongées. 58\u202f% de ses membres")
    assert shown["id"] == 3


def test_stored_sentences_are_shown_in_the_readers_language_with_its_numbers() -> None:
    text = "Cancelled. Stopped in phase encoder, which begins anew."
    assert sentences.in_words(text) == text
    assert sentences.in_words("Somebody else's words.") == "Somebody else's words."
    assert sentences.in_words("") == ""
    with translation.override("fr"):
        assert sentences.in_words(text) == "Annulé. Arrêté dans la phase encoder, qui recommencera."
        stopped = "Cancelled. Stopped in phase encoder after 6,144 images, all saved."
        assert sentences.in_words(stopped) == (
            "Annulé. Arrêté dans la phase encoder après 6\xa0144 images, tout est enregistré."
        )
        assert sentences.in_words("own_grain") == "grain propre"
        assert sentences.in_words("1,234 images") == "1\xa0234 images"
        assert sentences.in_words("Learned.") == "Learned."
        for words in IN_WORDS.values():
            assert words not in sentences.in_words(f"1.5 times as far from real as real galaxies at {words}.")


def test_numbers_are_written_as_the_language_has_them() -> None:
    assert (number(1234.5, 1), percent(12.34, 1), number(-3)) == ("1,234.5", "12.3%", "-3")
    with translation.override("fr"):
        assert (number(1234.5, 1), percent(12.34, 1)) == ("1\xa0234,5", "12,3\u202f%")
