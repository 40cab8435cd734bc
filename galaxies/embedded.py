"""The recipe that a downloaded PNG or FITS brings with it. Nothing of the picture is decoded, and nothing believed.

found = read_recipe(file, size)         # raises NoRecipe, in one sentence
"""

import json
import warnings
from collections.abc import Mapping
from io import BytesIO
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image

from galaxies.recipe import (
    MAX_PSI,
    MAX_SEED,
    MIN_PSI,
    Recipe,
    RecipeError,
    read_path,
    read_shares,
    read_steer,
)
from galaxies.registry.manifests import is_version_name

LARGEST = 64 * 2**20  # bytes of a file
PNG, FITS = b"\x89PNG\r\n\x1a\n", b"SIMPLE  ="
CARDS = {
    **{"version": "MODEL", "cluster": "CLUSTER", "seed": "SEED", "psi": "PSI"},
    **{"cluster2": "CLUSTER2", "seed2": "SEED2", "mix": "MIX"},
    **{"path": "PATH", "shares": "SHARES", "steer": "STEER"},
}
NOT_HERE = gettext_lazy(
    "This picture brings no recipe: PNG and FITS files that were downloaded here do, WebP and screenshots do not."
)


class NoRecipe(Exception):
    """A file brings no recipe; the message says why."""


class Elsewhere(NoRecipe):
    """The file is not one that was downloaded here."""


def read_recipe(file: BinaryIO, size: int) -> Recipe:
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
            raise Elsewhere(NOT_HERE)
    except NoRecipe:
        raise
    except Image.DecompressionBombError as error:
        raise Elsewhere(NOT_HERE) from error
    except Exception as error:  # Pillow and astropy raise whatever a damaged file leads to
        raise NoRecipe(_("This picture is damaged: download it again.")) from error
    return _checked(found)


def _of_png(file: BinaryIO) -> Mapping[str, Any]:
    with Image.open(file, formats=("PNG",)) as image:
        text = image.info.get("Recipe")
    if text is None:
        raise Elsewhere(NOT_HERE)
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _of_fits(file: BinaryIO) -> Mapping[str, Any]:
    import astropy.io.fits as fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = fits.Header.fromfile(BytesIO(file.read(2**20)), endcard=True)
    if header.get("CREATOR") != "NebulAI":
        raise Elsewhere(NOT_HERE)
    return {key: header[card] for key, card in CARDS.items() if card in header}


def _checked(found: Mapping[str, Any]) -> Recipe:
    version, cluster, seed, psi = (found.get(key) for key in ("version", "cluster", "seed", "psi"))
    cluster2, seed2, mix = (found.get(key) for key in ("cluster2", "seed2", "mix"))
    blended = {cluster2, seed2, mix} != {None}
    is_known = (
        is_version_name(version)
        and all(type(each) is int and 0 <= each < 256 for each in (cluster, cluster2 if blended else 0))
        and all(type(each) is int and 0 <= each <= MAX_SEED for each in (seed, seed2 if blended else 0))
        and type(psi) in (int, float)
        and MIN_PSI <= float(str(psi)) <= MAX_PSI
        and (not blended or (type(mix) in (int, float) and 0 <= float(str(mix)) <= 1))
    )
    if not is_known:
        raise NoRecipe(_("The recipe in this picture cannot be read: it was written by other software, or damaged."))
    try:
        path, shares = read_path(found.get("path", ())), read_shares(found.get("shares", ()))
        steer = read_steer(found.get("steer", {}))
    except RecipeError as error:
        raise NoRecipe(str(error)) from error
    blend = {"cluster2": cluster2, "seed2": seed2, "mix": mix if mix is None else float(str(mix))}
    whole: dict[str, Any] = {"cluster": cluster, "seed": seed, "psi": float(str(psi)), **blend}
    return Recipe(str(version), **whole, path=path, shares=shares, steer=steer)
