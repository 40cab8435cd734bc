"""JPEG, PNG, WebP and TIFF files: from bytes to the pixels that are learned.

picture = read_picture(path.read_bytes(), resolution=128, crop=256)
"""

from __future__ import annotations

import hashlib
import io
import struct
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from galaxies.ml.arrays import Images
from galaxies.ml.data.records import DatasetError, Picture
from galaxies.ml.data.resize import central_square

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"})
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")  # a phone's MPO is found as JPEG
COLOUR = ("RGB", "RGBA", "RGBX", "P", "PA")
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
IS_GREY = "grey: colour is part of what is learned"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_NOTES = frozenset({b"iCCP", b"tEXt", b"zTXt", b"iTXt", b"eXIf"})  # change no pixel


def read_picture(raw: bytes, resolution: int, crop: int) -> Picture:
    """Decode a file, cut its central square and shrink it with an area filter.

    Raises: DatasetError if the file is no still RGB image of at least `resolution` px a side.
    """
    return as_picture(decode(raw, resolution), resolution, crop, file_digest=hashlib.sha256(raw).hexdigest())


def read_image(raw: bytes, resolution: int, crop: int = 256) -> Images:
    """Return the pixels of `read_picture`: (resolution, resolution, 3) uint8. Raises: DatasetError."""
    return read_picture(raw, resolution, crop).pixels


def as_picture(image: Images, resolution: int, crop: int, *, digest: str = "", file_digest: str = "") -> Picture:
    """Return the picture of an image (H, W, 3) uint8: one rule for whatever it came from.

    digest: sha256 of the source's pixels where these are no display values.
    Raises: DatasetError if it is too small or has no colour.
    """
    height, width = image.shape[:2]
    check_size(width, height, resolution)
    pixels = central_square(image, resolution, crop)
    if (pixels == pixels[:, :, :1]).all():
        raise DatasetError(IS_GREY)
    digest = digest or hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()
    return Picture(pixels, (width, height), digest, file_digest or digest)


def check_size(width: int, height: int, resolution: int) -> None:
    """Raise DatasetError if a side is below `resolution`."""
    if min(width, height) < resolution:
        raise DatasetError(f"{width} x {height} is smaller than {resolution} px")


def decode(raw: bytes, resolution: int = 1) -> Images:
    """Return the pixels of a file: (H, W, 3) uint8, what is transparent on black, 16 bits by their upper 8.

    Raises: DatasetError with the reason why it cannot be used.
    """
    try:
        try:
            return _decode(raw, resolution)
        except ValueError:  # Pillow refuses a colour profile or a text of megabytes
            plain = _without_notes(raw)
            if plain == raw:
                raise
            return _decode(plain, resolution)
    except UnidentifiedImageError as error:
        raise DatasetError("no JPEG, PNG, WebP or TIFF image, or a damaged one") from error
    except Image.DecompressionBombError as error:
        raise DatasetError("larger than Pillow reads for safety's sake") from error
    except DatasetError:
        raise
    except Exception as error:  # Pillow raises whatever a damaged header leads to
        why = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise DatasetError(f"damaged ({why[:80]})") from error


def _decode(raw: bytes, resolution: int) -> Images:
    with Image.open(io.BytesIO(raw), formats=FORMATS) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a phone's second picture is a copy of the first
            raise DatasetError(f"{frames} pages in one file" if image.format == "TIFF" else "animated")
        if image.mode in GREY:
            raise DatasetError(IS_GREY)
        if image.mode not in COLOUR:
            raise DatasetError(f"not RGB but {image.mode}")
        check_size(image.width, image.height, resolution)
        image.load()
        return np.asarray(_on_black(image))


def _on_black(image: Any) -> Any:
    if image.mode not in ("RGBA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema()[1] == 0:
        raise DatasetError("wholly transparent")
    return Image.composite(image.convert("RGB"), Image.new("RGB", image.size), alpha)


def _without_notes(raw: bytes) -> bytes:
    """Return a PNG without the chunks that change no pixel; anything else as it is."""
    if not raw.startswith(PNG_SIGNATURE):
        return raw
    kept, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while at + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        end = at + 12 + length
        if kind not in PNG_NOTES:
            kept.append(raw[at:end])
        at = end
    return b"".join(kept)
