"""Check manifests. Checksums say that files are whole, not that the manifest makes sense.

manifest = verify_all(path)                             # raises BundleError
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from galaxies.ml.bundle import DIRECTIONS, FIGURES, MANIFEST, BundleError, read_manifest, verify

VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_FAMILIES = 255  # features.npz keeps families in a byte
SMALLEST, LARGEST = 8, 2048  # px
MAX_DATE = 40  # characters


def verify_all(path: Path) -> dict[str, Any]:
    """Check the manifest and the checksum of every file of the bundle in folder `path`.

    Returns: the manifest.
    Raises: BundleError that names what is wrong in one sentence.
    """
    try:
        wrong = next(_wrong(read_manifest(path)), None)
    except RecursionError:
        wrong = "is nested too deeply to be read"
    if wrong:
        raise BundleError(f"{path / MANIFEST} {wrong}: train or import the model again.")
    return verify(path)


def manifest_checksum(path: Path) -> str:
    """Return the sha256 of a bundle's manifest, by which the database knows it; "" if it cannot be read."""
    with suppress(OSError):
        return hashlib.sha256((path / MANIFEST).read_bytes()).hexdigest()
    return ""


def is_known_as(path: Path, checksum: str) -> bool:
    """Tell whether a bundle's manifest has this checksum, or had it before directions were added to it."""
    if manifest_checksum(path) == checksum:
        return True
    with suppress(OSError, ValueError, KeyError, TypeError):
        manifest = json.loads((path / MANIFEST).read_text())
        for name in (DIRECTIONS, FIGURES):
            del manifest["files"][name]
        return hashlib.sha256((json.dumps(manifest, indent=1) + "\n").encode()).hexdigest() == checksum
    return False


def is_version_name(name: object) -> bool:
    """Tell whether this can be a version's name, which is also the name of a folder and a part of URLs."""
    return isinstance(name, str) and VERSION_NAME.fullmatch(name) is not None


def _wrong(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a manifest. Ask for the first only: later checks rely on earlier ones."""
    families, files = manifest.get("families"), manifest.get("files") or {}
    if not is_version_name(manifest.get("version")):
        yield "names a version that is not made of letters, digits, dots and dashes"
    if not _is_jsonable(manifest):
        yield "holds numbers or characters that cannot be stored"
    if not isinstance(files, dict) or not all(isinstance(checksum, str) for checksum in files.values()):
        yield "does not list its files with their checksums"
    if not _is_count(manifest.get("resolution"), SMALLEST, LARGEST):
        yield f"has no resolution between {SMALLEST} and {LARGEST} px"
    if not isinstance(families, list) or not all(isinstance(family, dict) for family in families):
        yield "does not describe its families"
    if not _is_count(manifest.get("n_clusters"), 1, MOST_FAMILIES) or len(families or ()) != manifest["n_clusters"]:
        yield "does not describe as many families as it counts"
    texts = [manifest.get(key, "") for key in ("created", "credit")]
    if not all(_is_text(text) for text in texts) or len(texts[0]) > MAX_DATE:
        yield "has a date or a credit that is no text"
    for number, family in enumerate(families or ()):
        if family.get("id") != number or not all(_is_text(family.get(key)) for key in ("name", "sentence")):
            yield f"does not describe family {number} by id, name and sentence"
        if not _is_share(family.get("share")):
            yield f"gives family {number} no share between 0 and 1"
        exemplars = family.get("exemplars")
        if not isinstance(exemplars, list) or not all(isinstance(file, str) and file in files for file in exemplars):
            yield f"names exemplars of family {number} that are not among its files"
    if not any(family["share"] for family in families or ()):
        yield "gives no family a share"


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_count(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1 and math.isfinite(value)


def _is_jsonable(value: object) -> bool:
    """Tell whether the database can store it: PostgreSQL keeps neither NaN nor the null character."""
    try:
        return "\\u0000" not in json.dumps(value, allow_nan=False)
    except ValueError:
        return False
