"""A galaxy in more pixels than its model generates: by Lanczos' filter, which draws no squares and invents no detail.

content = larger_file(galaxy, "png", 1024)              # raises Busy
"""

from io import BytesIO

import numpy as np
from PIL import Image as PillowImage

from galaxies import images
from galaxies.generation import image_file
from galaxies.jobs import Image
from galaxies.models import Galaxy
from galaxies.serving import service

SIDES = (512, 1024)  # the studio's stage at one and at two device pixels for each of its own
QUALITY, METHOD = 90, 2  # of WebP: 46 and 48 dB from the enlarged pixels, as near as the file of 256 px is to its own


def larger_file(galaxy: Galaxy, kind: str, side: int) -> bytes:
    """Return a galaxy of `side` px as "webp", for looking at, or as "png" of its exact pixels with the recipe.

    Raises: Busy if the generator is needed and cannot answer now; BundleError if its version cannot be loaded.
    """
    if kind == "png":
        return images.png(enlarged(service().sample(galaxy.recipe), side), galaxy, optimize=False)
    buffer = BytesIO()
    with PillowImage.open(BytesIO(image_file(galaxy, "webp"))) as picture:
        larger = picture.convert("RGB").resize((side, side), PillowImage.Resampling.LANCZOS)
    larger.save(buffer, "WEBP", quality=QUALITY, method=METHOD)
    return buffer.getvalue()


def enlarged(image: Image, side: int) -> Image:
    """Return an image (H, W, 3) uint8 as (side, side, 3)."""
    return np.asarray(PillowImage.fromarray(image).resize((side, side), PillowImage.Resampling.LANCZOS))
