"""The files of a bundle: its manifest, and whether every file is whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass

FORMAT = 1


MANIFEST = "manifest.json"


METRICS = "metrics.json"


class BundleError(Exception):
    """A bundle cannot be used; the message names the file and says what is wrong."""


class NoNumbers(BundleError):
    """A bundle's networks answer with values that are no numbers: there is no picture."""


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Return the manifest of the bundle in the folder `path`.

    Raises: BundleError if it is missing, unreadable or of another format.
    """
    file = Path(path) / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError as error:
        raise BundleError(f"{file} is missing: restore the folder or import the bundle again.") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"{file} is damaged: restore the folder or import the bundle again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{file} is not of bundle format {FORMAT}: train or import the model again.")
    missing = {"version", "n_clusters", "resolution", "families", "files"} - manifest.keys()
    if missing:
        raise BundleError(f"{file} lacks {', '.join(sorted(missing))}: restore the folder or import the bundle again.")
    return manifest


def verify(path: str | Path) -> dict[str, Any]:
    """Check every file of a bundle against its checksum and return the manifest.

    Raises: BundleError naming the first file that is missing or differs.
    """
    path = Path(path)
    manifest = read_manifest(path)
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.resolve().is_relative_to(path.resolve()):
            raise BundleError(f"{path / MANIFEST} names {name}, which lies outside the bundle: do not use this bundle.")
        if not file.is_file():
            raise BundleError(f"{file} is missing: restore the folder or import the bundle again.")
        if sha256(file) != expected:
            raise BundleError(f"{file} is damaged (its checksum differs): restore it or import the bundle again.")
    return manifest


def sha256(file: Path) -> str:
    """Return the checksum of a file, in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
