"""A picture from elsewhere: checked, cut as the model's own images were, and made anew; the file itself is not kept.

upload = read_upload(raw, version)              # raises NotUsable, in one sentence
token = remember(upload)                        # for KEPT_SECONDS, and only under this token
recall(token)                                   # None once it is forgotten
"""

import secrets
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from django.core.cache import cache
from django.utils.translation import gettext as _
from PIL import Image as PillowImage

from galaxies import images
from galaxies.jobs import Image
from galaxies.ml.arrays import Features
from galaxies.ml.bundle import read_manifest
from galaxies.ml.data import DatasetError, options_of
from galaxies.ml.data.dataset import CROP
from galaxies.ml.data.fits import GZIP, read_cube
from galaxies.ml.data.pictures import as_picture, decode
from galaxies.ml.data.records import Picture
from galaxies.models import ModelVersion
from galaxies.sentences import in_words
from galaxies.serving import service

MAX_BYTES = 10 * 2**20
MAX_PIXELS = 40_000_000  # a phone's picture has 12 to 24 million; decoded, this many take 120 MB
MAX_VALUES = 12_000_000  # of a FITS image: 2,000 px a side in three bands
LEAST_SIDE = 64  # below which there is nothing to see
FORMATS = ("JPEG", "PNG", "WEBP")
KEPT_SECONDS = 1800
TOKEN_BYTES = 16


class NotUsable(Exception):
    """The file is no picture that can be compared; the message says why in one sentence."""


@dataclass(frozen=True)
class Upload:
    """A picture as the model sees it.

    pixels: (R, R, 3) uint8; width, height: of the file's image in px; side: of the central square that was used;
    features: (d,) float32 of the version's encoder.
    """

    version: str
    pixels: Image
    width: int
    height: int
    side: int
    features: Features


def check_size(size: int) -> None:
    """Refuse a file of too many bytes, before it is read. Raises: NotUsable."""
    if size > MAX_BYTES:
        limit = _("This file is larger than %(limit)d MB: shrink the picture and try again.")
        raise NotUsable(limit % {"limit": MAX_BYTES // 2**20})


def read_upload(raw: bytes, version: ModelVersion) -> Upload:
    """Return a file's picture for a version, with its features.

    Raises: NotUsable; Busy if the encoder cannot answer now.
    """
    check_size(len(raw))
    data = read_manifest(version.path).get("data", {})
    crop = int(data.get("crop", CROP))
    is_fits = raw.startswith((b"SIMPLE", GZIP))
    try:
        picture = (
            _of_fits(raw, data, version.resolution, crop) if is_fits else _of_raster(raw, version.resolution, crop)
        )
    except DatasetError as error:
        why = _("This picture cannot be used: %(why)s.")
        raise NotUsable(why % {"why": in_words(str(error))}) from error
    width, height = picture.size
    features = service().features(version.version, picture.pixels)
    return Upload(version.version, picture.pixels, width, height, _side(width, height, crop), features)


def _side(width: int, height: int, crop: int) -> int:
    """Return the side of the central square that is used: the model's own crop, or all of a much larger picture."""
    side = min(width, height)
    return side if side >= 2 * crop else min(side, crop)


def _of_fits(raw: bytes, data: dict[str, object], resolution: int, crop: int) -> Picture:
    options = options_of(data)
    picture = read_cube(raw, options, resolution, crop, most=MAX_VALUES)
    side = _side(*picture.size, crop)
    return picture if side <= crop else read_cube(raw, options, resolution, side, most=MAX_VALUES)


def _of_raster(raw: bytes, resolution: int, crop: int) -> Picture:
    _check_header(raw)
    image = decode(raw, LEAST_SIDE)
    height, width = image.shape[:2]
    if min(width, height) < resolution:  # enlarged: the encoder shrinks it again
        factor = resolution / min(width, height)
        size = (max(resolution, round(width * factor)), max(resolution, round(height * factor)))
        image = np.asarray(PillowImage.fromarray(image).resize(size, PillowImage.Resampling.LANCZOS))
    found = as_picture(image, resolution, max(_side(image.shape[1], image.shape[0], crop), resolution))
    return Picture(found.pixels, (width, height), found.digest, found.file_digest)


def _check_header(raw: bytes) -> None:
    """Look at format and size before a pixel is decoded. Raises: NotUsable."""
    try:
        with PillowImage.open(BytesIO(raw), formats=FORMATS) as image:
            pixels = image.width * image.height
    except PillowImage.DecompressionBombError:
        pixels = MAX_PIXELS + 1
    except Exception as error:  # Pillow raises whatever a damaged header leads to
        raise NotUsable(_("This is no picture that can be read: use JPEG, PNG, WebP or FITS.")) from error
    if pixels > MAX_PIXELS:
        limit = _("This picture has more than %(limit)d million pixels: shrink it and try again.")
        raise NotUsable(limit % {"limit": MAX_PIXELS // 10**6})


def remember(upload: Upload) -> str:
    """Keep a picture for KEPT_SECONDS. Returns: the token that leads to it."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    cache.set(_key(token), upload, KEPT_SECONDS)
    return token


def recall(token: str) -> Upload | None:
    """Return the picture of a token, None once it is forgotten."""
    found: Upload | None = cache.get(_key(token))
    return found


def picture_file(upload: Upload) -> bytes:
    """Return what is left of the picture, as WebP."""
    return images.webp(upload.pixels)


def _key(token: str) -> str:
    return f"upload:{token}"
