"""Cards of 1200 x 630 px that stand for a page where its link is shared: drawn by Pillow, in English for everybody.

Who fetches a card says no language, nor does the address that was shared; and Pillow's own font has no accents.

of_galaxy(galaxy)                   # JPEG; raises Busy if the galaxy's file is lost and cannot be sampled now
of_gallery(galaxies)
of_studio(version)
"""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from galaxies.generation import image_file
from galaxies.models import Galaxy, ModelVersion
from galaxies.opening import opening

WIDTH, HEIGHT = 1200, 630
SPACE, TEXT, MUTED, STAR = "#08090d", "#e7e9ee", "#a3aabb", "#f0c987"
MARGIN = 56
TITLE, BODY, SMALL = 58, 34, 28
TILE, COLUMNS = 315, 2  # of the gallery's mosaic
QUALITY = 88
SLOGAN = "A galaxy nobody has photographed"


def of_galaxy(galaxy: Galaxy) -> bytes:
    """Return the card of a galaxy: its picture, family and seed. Raises: Busy, BundleError."""
    card = _card()
    with Image.open(BytesIO(image_file(galaxy, "webp"))) as picture:
        card.paste(_square(picture, HEIGHT), (0, 0))
    name = str(galaxy.model_version.family(galaxy.cluster)["name"])
    _write(card, name, SLOGAN, f"Seed {galaxy.seed}\nVariety {galaxy.psi:g}\nModel {galaxy.model_version}")
    return _jpeg(card)


def of_gallery(galaxies: Iterable[Galaxy]) -> bytes:
    """Return the card of the gallery, with four of its galaxies. Raises: Busy, BundleError."""
    card = _card()
    for number, galaxy in enumerate(galaxies):
        with Image.open(BytesIO(image_file(galaxy, "webp"))) as picture:
            card.paste(_square(picture, TILE), (number % COLUMNS * TILE, number // COLUMNS * TILE))
    _write(card, "Gallery", "Galaxies nobody has photographed, as people like them", "Look, vote, take home")
    return _jpeg(card)


def of_studio(version: ModelVersion | None) -> bytes:
    """Return the card of the start page, with the galaxy that it opens on. Raises: Busy, BundleError."""
    card = _card()
    shown = opening(version) if version else None
    if version and shown:
        exemplar = version.path / shown.family["exemplars"][shown.number] if not shown.galaxy else None
        with Image.open(_file(shown.galaxy, exemplar)) as picture:
            card.paste(_square(picture, HEIGHT), (0, 0))
    _write(card, "Galaxies nobody has photographed", "Made by a neural network that learned from real ones", "Make one")
    return _jpeg(card)


def _file(galaxy: Galaxy | None, exemplar: Path | None) -> Any:
    return BytesIO(image_file(galaxy, "webp")) if galaxy else exemplar


def _card() -> Image.Image:
    return Image.new("RGB", (WIDTH, HEIGHT), SPACE)


def _square(picture: Image.Image, side: int) -> Image.Image:
    return picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def _write(card: Image.Image, title: str, body: str, small: str) -> None:
    """Write beside the picture, the title at the top and the site's name at the foot."""
    draw = ImageDraw.Draw(card)
    left, room = HEIGHT + MARGIN, WIDTH - HEIGHT - 2 * MARGIN
    top = MARGIN
    for text, size, colour, gap in ((title, TITLE, TEXT, 26), (body, BODY, MUTED, 40), (small, SMALL, MUTED, 0)):
        font = ImageFont.load_default(size)
        wrapped = "\n".join(_wrapped(draw, line, font, room) for line in text.split("\n"))
        draw.multiline_text((left, top), wrapped, fill=colour, font=font, spacing=10)
        top = int(draw.multiline_textbbox((left, top), wrapped, font=font, spacing=10)[3]) + gap
    font = ImageFont.load_default(BODY)
    foot = HEIGHT - MARGIN
    draw.text((left, foot), "Nebul", fill=TEXT, font=font, anchor="ls")
    draw.text((left + draw.textlength("Nebul", font), foot), "AI", fill=STAR, font=font, anchor="ls")


def _wrapped(draw: ImageDraw.ImageDraw, text: str, font: Any, room: float) -> str:
    """Return text with line breaks, so that no line is wider than `room` px unless a word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if draw.textlength(longer, font) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(line for line in lines if line)


def _jpeg(card: Image.Image) -> bytes:
    buffer = BytesIO()
    card.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()
