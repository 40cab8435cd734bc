"""A bundle on its way to a worker, which needs neither the site's database nor its store of models.

packed = ray.put(pack(path))
with unpacked(version, packed) as path: ...     # on the worker
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray


def pack(path: Path) -> bytes:
    """Return the folder of a bundle as the bytes of a zip."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(shutil.make_archive(f"{folder}/bundle", "zip", path.parent, path.name)).read_bytes()


@contextmanager
def unpacked(version: str, packed: Any) -> Iterator[Path]:
    """Yield the folder of the bundle of that version, from a reference to what `pack` returned; it goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="nebulai-") as folder:
        archive = Path(folder, "bundle.zip")
        archive.write_bytes(ray.get(packed))
        shutil.unpack_archive(archive, folder)
        yield Path(folder, version)
