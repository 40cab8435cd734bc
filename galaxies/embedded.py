"""The recipe that a downloaded PNG or FITS brings with it. Nothing of the picture is decoded, and nothing believed.

found = read_recipe(file, size)         # raises NoRecipe, in one sentence
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image

from galaxies.models import MAX_PSI, MAX_SEED, MIN_PSI
from galaxies.registry.manifests import is_version_name

LARGEST = 64 * 2**20  # bytes of a file
PNG, FITS = b"\x89PNG\r\n\x1a\n", b"SIMPLE  ="
CARDS = {"version": "MODEL", "cluster": "CLUSTER", "seed": "SEED", "psi": "PSI", "mix": "MIX"}
NOT_HERE = gettext_lazy(
    "This picture brings no recipe: PNG and FITS files that were downloaded here do, WebP and screenshots do not."
)


class NoRecipe(Exception):
    """A file brings no recipe; the message says why."""


@dataclass(frozen=True)
class EmbeddedRecipe:
    """What the studio's form can show of a recipe. is_whole: whether that is all of it."""

    version: str
    cluster: int
    seed: int
    psi: float
    is_whole: bool = True

    def as_query(self) -> dict[str, str]:
        """Return the fields of the studio's address."""
        return {"version": self.version, "cluster": str(self.cluster), "seed": str(self.seed), "psi": f"{self.psi:g}"}


def read_recipe(file: BinaryIO, size: int) -> EmbeddedRecipe:
    """Return the recipe in a PNG or FITS file of `size` bytes. Raises: NoRecipe."""
    if size > LARGEST:
        raise NoRecipe(_("This file is larger than %(size)s MB: no picture from here is.") % {"size": LARGEST // 2**20})
    start = file.read(len(FITS))
    file.seek(0)
    try:
        if start.startswith(PNG):
            found = _of_png(file)
        elif start == FITS:
            found = _of_fits(file)
        else:
            raise NoRecipe(NOT_HERE)
    except NoRecipe:
        raise
    except Exception as error:  # Pillow and astropy raise whatever a damaged file leads to
        raise NoRecipe(_("This picture is damaged: download it again.")) from error
    return _checked(found)


def _of_png(file: BinaryIO) -> Mapping[str, Any]:
    with Image.open(file, formats=("PNG",)) as image:
        text = image.info.get("Recipe")
    if text is None:
        raise NoRecipe(NOT_HERE)
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _of_fits(file: BinaryIO) -> Mapping[str, Any]:
    import astropy.io.fits as fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.Header.fromfile(BytesIO(file.read(2**20)), endcard=True)
    if header.get("CREATOR") != "NebulAI":
        raise NoRecipe(NOT_HERE)
    return {key: header[card] for key, card in CARDS.items() if card in header}


def _checked(found: Mapping[str, Any]) -> EmbeddedRecipe:
    version, cluster, seed, psi = (found.get(key) for key in ("version", "cluster", "seed", "psi"))
    is_known = (
        is_version_name(version)
        and type(cluster) is int
        and 0 <= cluster < 256
        and type(seed) is int
        and 0 <= seed <= MAX_SEED
        and type(psi) in (int, float)
        and MIN_PSI <= float(str(psi)) <= MAX_PSI
    )
    if not is_known:
        raise NoRecipe(_("The recipe in this picture cannot be read: it was written by other software, or damaged."))
    rest = {key for key, value in found.items() if value is not None} - {"version", "cluster", "seed", "psi"}
    return EmbeddedRecipe(str(version), int(str(cluster)), int(str(seed)), float(str(psi)), is_whole=not rest)
