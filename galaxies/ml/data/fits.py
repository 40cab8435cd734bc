"""FITS images of three bands, shown in colour by the stretch of Lupton et al. 2004.

picture = read_cube(path.read_bytes(), ReadingOptions(stretch=0.5, q=10), resolution=128, crop=256)

A cube is (3, H, W); bands may also lie in a file each. Rows begin at the bottom in FITS, at the top in images.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Images
from galaxies.ml.data.options import BANDS, ReadingOptions
from galaxies.ml.data.pictures import as_picture, check_size
from galaxies.ml.data.records import DatasetError, Picture

ENDINGS = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")
BAND_SETS = ("gri", "grz", "riz", "izy", "ugr")  # which three are shown, if an object has more
MOST_PIXELS = 3 * 10_000**2
GZIP = b"\x1f\x8b"
BAND_FILE = re.compile(r"(?P<object>.+)[-_.](?P<band>[ugrizy])", re.IGNORECASE)


def is_fits(name: str) -> bool:
    """Whether a file's name ends as a FITS file's does."""
    return name.lower().endswith(ENDINGS)


def stem(name: str) -> str:
    """Return a FITS file's name without its ending."""
    lower = name.lower()
    return name[: -max((len(ending) for ending in ENDINGS if lower.endswith(ending)), default=0) or None]


def band_of(name: str) -> tuple[str, str] | None:
    """Return object and band of a file that holds one band, ("a/galaxy", "g") for "a/galaxy_g.fits"; else None."""
    match = BAND_FILE.fullmatch(stem(name))
    return (match["object"], match["band"].lower()) if match else None


def shown_bands(found: str) -> str:
    """Return the three of the bands that are shown, the shortest wavelength first; "" if there are no such three."""
    return next((chosen for chosen in BAND_SETS if set(chosen) <= set(found)), "")


def read_cube(raw: bytes, options: ReadingOptions, resolution: int, crop: int, *, most: int = MOST_PIXELS) -> Picture:
    """Read a file of three bands, or of three planes of display values as this site writes them.

    most: values that the image may have, or that may lie in a compressed file.
    Raises: DatasetError with the reason why it cannot be used.
    """
    planes, header = _image(raw, most)
    if planes.ndim == 3 and planes.shape[0] != 3 and planes.shape[-1] == 3:
        planes = np.moveaxis(planes, -1, 0)
    if planes.ndim != 3 or planes.shape[0] != 3:
        size = " x ".join(str(side) for side in planes.shape)
        raise DatasetError(f"a FITS image of {size}: three bands are needed, (3, H, W) or a file each")
    file_digest = hashlib.sha256(raw).hexdigest()
    if header.get("CTYPE3") == "RGB" and planes.dtype == np.uint8:
        image = np.ascontiguousarray(planes.transpose(1, 2, 0)[::-1])
        return as_picture(image, resolution, crop, file_digest=file_digest)
    order = _named_bands(header) or options.bands
    by_wavelength = [planes[order.index(band)] for band in sorted(order, key=BANDS.index)]
    return _lupton(by_wavelength, options, resolution, crop, file_digest=file_digest)


def read_bands(raws: Sequence[bytes], options: ReadingOptions, resolution: int, crop: int) -> Picture:
    """Read three files of a band each, the shortest wavelength first. Raises: DatasetError."""
    planes = [np.squeeze(_image(raw)[0]) for raw in raws]
    shapes = {plane.shape for plane in planes}
    if len(shapes) > 1 or planes[0].ndim != 2:
        raise DatasetError(f"its bands are images of {' and '.join(str(shape) for shape in sorted(shapes))}")
    file_digest = hashlib.sha256(b"".join(hashlib.sha256(raw).digest() for raw in raws)).hexdigest()
    return _lupton(planes, options, resolution, crop, file_digest=file_digest)


def _image(raw: bytes, most: int = MOST_PIXELS) -> tuple[npt.NDArray[Any], Any]:
    """Return the first image of a FITS file with its header."""
    import astropy.io.fits as fits  # half a second that only FITS should pay

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(_unzipped(raw, 8 * most)), memmap=False) as hdus:
                for hdu in hdus:
                    shape = tuple(getattr(hdu, "shape", ())) if hdu.is_image else ()
                    if len(shape) < 2:
                        continue
                    if np.prod(shape, dtype=np.int64) > most:
                        raise DatasetError(too_large(most))
                    return np.asarray(hdu.data), hdu.header
    except DatasetError:
        raise
    except Exception as error:  # astropy raises whatever a damaged header leads to
        raise DatasetError(f"no readable FITS file ({type(error).__name__})") from error
    raise DatasetError("a FITS file without an image")


def too_large(most: int) -> str:
    """Return why an image of more values is not read."""
    return f"a FITS image of more than {most // 10**6} million values"


def _unzipped(raw: bytes, most: int) -> bytes:
    if not raw.startswith(GZIP):
        return raw
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        plain = file.read(most + 1)
    if len(plain) > most:
        raise DatasetError(too_large(most // 8))
    return plain


def _named_bands(header: Any) -> str:
    """Return the bands that a cube's header names, in the order of its planes; "" if it names no three."""
    named = str(header.get("BANDS", "")) or "".join(str(header.get(f"BAND{i}", "")) for i in range(3))
    named = named.replace(",", "").replace(" ", "").lower()
    return named if len(named) == 3 and len(set(named)) == 3 and set(named) <= set(BANDS) else ""


def _lupton(
    planes: Sequence[npt.NDArray[Any]], options: ReadingOptions, resolution: int, crop: int, *, file_digest: str
) -> Picture:
    """Show three bands (H, W), the shortest wavelength first, as blue, green and red."""
    from astropy.visualization import make_lupton_rgb

    check_size(planes[0].shape[1], planes[0].shape[0], resolution)
    fluxes = [np.asarray(plane, np.float32) for plane in planes]
    if not all(np.isfinite(flux).any() for flux in fluxes):
        raise DatasetError("a band without a finite pixel")
    blue, green, red = (np.nan_to_num(flux, nan=0.0, posinf=0.0, neginf=0.0) for flux in fluxes)
    with np.errstate(divide="ignore", invalid="ignore"):  # where there is no light at all
        image: Images = make_lupton_rgb(red, green, blue, stretch=options.stretch, Q=options.q)
    # Of the fluxes, not of how they are shown: another stretch moves no image between training and held-out ones.
    digest = hashlib.sha256(b"".join(flux.tobytes() for flux in (blue, green, red))).hexdigest()
    return as_picture(np.ascontiguousarray(image[::-1]), resolution, crop, digest=digest, file_digest=file_digest)
