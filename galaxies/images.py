"""A painted array (H, W, 3) uint8 as a file. PNG and FITS carry the recipe and the credit, and nothing about people."""

import json
from dataclasses import asdict
from io import BytesIO
from textwrap import wrap

import numpy as np
from PIL import Image as PillowImage
from PIL.PngImagePlugin import PngInfo

from galaxies.models import Galaxy
from galaxies.serving import Image

DESCRIPTION = "A synthetic galaxy painted by a neural network: no photograph, no real object."
CALIBRATION = "Pixels are display values of a synthetic image, 0 to 255, and no calibrated flux."


def webp(image: Image) -> bytes:
    """For viewing: about 10 kB."""
    buffer = BytesIO()
    PillowImage.fromarray(image).save(buffer, "WEBP", quality=95, method=4)
    return buffer.getvalue()


def png(image: Image, galaxy: Galaxy) -> bytes:
    """Every pixel as painted, with iTXt metadata."""
    info = PngInfo()
    for key, value in {
        "Title": f"Synthetic galaxy {galaxy.public_id}",
        "Description": DESCRIPTION,
        "Software": "NebulAI",
        "Source": galaxy.model_version.credit,
        "Recipe": json.dumps({name: value for name, value in asdict(galaxy.recipe).items() if value is not None}),
        "Bundle": f"{galaxy.model_version.version} sha256:{galaxy.model_version.checksum}",
    }.items():
        info.add_itxt(key, value)
    buffer = BytesIO()
    PillowImage.fromarray(image).save(buffer, "PNG", pnginfo=info, optimize=True)
    return buffer.getvalue()


def fits(image: Image, galaxy: Galaxy) -> bytes:
    """Three planes (red, green, blue), the bottom row first as FITS viewers expect."""
    from astropy.io import fits as astropy_fits  # half a second that only a FITS download should pay

    recipe = galaxy.recipe
    hdu = astropy_fits.PrimaryHDU(np.ascontiguousarray(image[::-1].transpose(2, 0, 1)))
    cards: list[tuple[str, str | int | float | None, str]] = [
        ("OBJECT", f"Synthetic galaxy {galaxy.public_id}", ""),
        ("CREATOR", "NebulAI", "software that painted it"),
        ("CTYPE3", "RGB", "planes: red, green, blue"),
        ("MODEL", recipe.version, "model version"),
        ("BUNDLE", galaxy.model_version.checksum, ""),
        ("CLUSTER", recipe.cluster, "condition given to the generator"),
        ("SEED", recipe.seed, "of the latent vector"),
        ("PSI", recipe.psi, "truncation"),
        ("CLUSTER2", recipe.cluster2, "second condition of a blend"),
        ("SEED2", recipe.seed2, "second seed of a blend"),
        ("MIX", recipe.mix, "share of the second latent in a blend"),
    ]
    for keyword, value, comment in cards:
        if value is not None:
            hdu.header[keyword] = (value, comment)
    for text in (DESCRIPTION, CALIBRATION, galaxy.model_version.credit):
        for line in wrap(text.encode("ascii", "replace").decode(), 72):  # a FITS card holds ASCII, 72 characters of it
            hdu.header["COMMENT"] = line
    buffer = BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()
