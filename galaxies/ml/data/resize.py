"""Change the side of images."""

from __future__ import annotations

import numpy as np
from PIL import Image

from galaxies.ml.arrays import Images


def centre(images: Images, zoom: int) -> Images:
    """Return the central square of side R / zoom of (N, R, R, 3) images."""
    kept = images.shape[1] // zoom
    edge = (images.shape[1] - kept) // 2
    return images[:, edge : edge + kept, edge : edge + kept]


def area_resize(images: Images, side: int) -> Images:
    """Return images (N, R, R, 3) uint8 as (N, side, side, 3): squares of pixels averaged, or pixels repeated.

    One side divides the other.
    """
    n, size = images.shape[0], images.shape[1]
    if size == side:
        return images
    if size < side:
        return images.repeat(side // size, axis=1).repeat(side // size, axis=2)
    factor = size // side
    squares = np.asarray(images, np.float32).reshape(n, side, factor, side, factor, 3)
    return np.asarray(squares.mean(axis=(2, 4)) + 0.5, np.uint8)


def bicubic_resize(images: Images, side: int) -> Images:
    """Return images (N, H, W, 3) uint8 as (N, side, side, 3), by Pillow's bicubic filter.

    Pillow widens the filter when it shrinks an image; most tensor libraries do not, which alone moves FID by 6 and more
    (Parmar et al. 2022).
    """
    if images.shape[1:3] == (side, side):
        return images
    return np.stack(
        [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in images]
    )


def central_square(image: Images, resolution: int, crop: int) -> Images:
    """Cut the central square of side `crop` out of an image (H, W, 3) and shrink it with an area filter.

    Returns: (resolution, resolution, 3). A smaller image gives its largest square; a crop is at least `resolution`.
    """
    height, width = image.shape[:2]
    side = max(min(crop, width, height), resolution)
    # The middle of an even side n is pixel n / 2 in SDSS's cutouts: here it comes to the left of the square's middle,
    # where the galaxies' measured mean centre is nearest to it and a mirrored galaxy stays in its place.
    left, top = (min(n // 2 - (side - 1) // 2, n - side) for n in (width, height))
    square = image[top : top + side, left : left + side]
    if side == resolution:
        return np.ascontiguousarray(square)
    shrunk = Image.fromarray(np.ascontiguousarray(square)).resize((resolution, resolution), Image.Resampling.BOX)
    return np.asarray(shrunk)
