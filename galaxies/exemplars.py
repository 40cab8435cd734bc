"""The pictures that stand for a family: as its bundle holds them, and small for where they are shown small.

content = thumbnail(version, cluster=3, number=0, side=128)     # WebP; KeyError, IndexError, OSError
"""

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from galaxies.models import ModelVersion

SIDES = (128, 192)  # px: of a strip on a desk and on a phone, on screens of up to two pixels for each of a page's
QUALITY = 90  # as the exemplars themselves are encoded
KEPT = 512  # thumbnails of 2 to 3 kB


def exemplar_path(version: ModelVersion, cluster: int, number: int) -> Path:
    """Return the file of an exemplar. Raises: KeyError or IndexError if the manifest names none."""
    return version.path / str(version.family(cluster)["exemplars"][number])


def thumbnail(version: ModelVersion, cluster: int, number: int, side: int) -> bytes:
    """Return an exemplar as WebP of `side` px at most.

    Raises: KeyError or IndexError if the manifest names none; OSError if its file cannot be read.
    """
    return _shrunk(exemplar_path(version, cluster, number), version.checksum, side)


@lru_cache(maxsize=KEPT)
def _shrunk(path: Path, checksum: str, side: int) -> bytes:
    buffer = BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS)
        picture.save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()
