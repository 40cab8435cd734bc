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


def larger_file(galaxy: Galaxy, kind: str, side: int) -> bytes:
    """Return a galaxy of `side` px as "webp", for looking at, or as "png" of its exact pixels with the recipe.

    Raises: Busy if the generator is needed and cannot answer now; BundleError if its version cannot be loaded.
    """
    if kind == "png":
        return images.png(enlarged(service().sample(galaxy.recipe), side), galaxy, optimize=False)
    with PillowImage.open(BytesIO(image_file(galaxy, "webp"))) as picture:
        return images.webp(enlarged(np.asarray(picture.convert("RGB")), side))


def enlarged(image: Image, side: int) -> Image:
    """Return an image (H, W, 3) uint8 as (side, side, 3)."""
    return np.asarray(PillowImage.fromarray(image).resize((side, side), PillowImage.Resampling.LANCZOS))
