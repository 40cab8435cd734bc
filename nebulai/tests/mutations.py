"""Files of every kind that is read here, damaged by a seed, through their readers, within a gigabyte.

python -m nebulai.tests.mutations jpeg --number 300     # prints JSON: read, refused, faults, and the most memory
"""

import argparse
import gzip
import json
import os
import resource
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

ROOM = 2**30  # bytes that a reader may take beyond what was loaded before it
SIDE = 64
TELLING = [b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x01\0\0\0", b"9" * 8]
Reader = Callable[[bytes], object]
Kind = tuple[bytes, Reader, tuple[type[Exception], ...]]  # a whole file, what reads it, and what that may raise


def mutated(whole: bytes, random: Random) -> bytes:
    """Return a file with up to eight damages, most of them where headers are."""
    raw = bytearray(whole)
    for _ in range(random.choice([1, 1, 2, 4, 8])):
        near = min(len(raw), random.choice([16, 64, 512, 4096, len(raw)])) or 1
        at = random.randrange(near) if random.random() < 0.8 else max(0, len(raw) - 1 - random.randrange(near))
        size = random.choice([1, 2, 4, 16, 200])
        match random.randrange(7):
            case 0 if raw:
                raw[min(at, len(raw) - 1)] ^= 1 << random.randrange(8)
            case 1:
                raw[at : at + size] = random.randbytes(size)
            case 2:
                telling = random.choice(TELLING)
                raw[at : at + len(telling)] = telling
            case 3:
                del raw[at : at + size]
            case 4:
                raw[at:at] = random.randbytes(size)
            case 5:
                raw[at:at] = raw[at : at + size]
            case _:
                del raw[max(1, random.randrange(len(raw) + 1)) :]
    return bytes(raw)


def picture() -> Any:
    """An image (SIDE, SIDE, 3) uint8 of all colours."""
    return np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)


def raster(format: str) -> Kind:
    from PIL import Image

    from galaxies.ml.data.pictures import read_picture
    from galaxies.ml.data.records import DatasetError

    buffer = BytesIO()
    Image.fromarray(picture()).save(buffer, format)
    return buffer.getvalue(), lambda raw: read_picture(raw, 32, 64), (DatasetError,)


def fits_file(packed: bool = False) -> bytes:
    from astropy.io import fits

    buffer = BytesIO()
    header = fits.Header([("CREATOR", "NebulAI"), ("MODEL", "a"), ("CLUSTER", 0), ("SEED", 1), ("PSI", 0.8)])
    fits.PrimaryHDU(picture().transpose(2, 0, 1).astype(np.float32), header).writeto(buffer)
    return gzip.compress(buffer.getvalue()) if packed else buffer.getvalue()


def cube(packed: bool) -> Kind:
    from galaxies.ml.data.fits import read_cube
    from galaxies.ml.data.options import ReadingOptions
    from galaxies.ml.data.records import DatasetError

    return fits_file(packed), lambda raw: read_cube(raw, ReadingOptions(), 32, 64, most=12_000_000), (DatasetError,)


def hdf5() -> Kind:
    import h5py

    from galaxies.ml.data.hdf5 import Hdf5
    from galaxies.ml.data.options import ReadingOptions
    from galaxies.ml.data.records import DatasetError

    path = Path("images.h5")
    with h5py.File(path, "w") as file:
        images = np.stack([picture()] * 8)
        file.create_dataset("images", data=images, chunks=(2, SIDE, SIDE, 3), compression="gzip")
        file.create_dataset("ans", data=np.arange(8) % 3)

    def read(raw: bytes) -> None:
        path.write_bytes(raw)
        for _reading in Hdf5(path, ReadingOptions()).pictures(32, 64):
            pass

    return path.read_bytes(), read, (DatasetError,)


def table(name: str) -> Kind:
    from galaxies.ml.data.records import DatasetError
    from galaxies.ml.data.tables import column_named, open_table

    rows = [(f"galaxy{number}.jpg", f"kind{number % 5}") for number in range(300)]
    text = "file,morphology\n" + "".join(f"{file},{kind}\n" for file, kind in rows)
    path = Path(name)
    if name.endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        columns = pyarrow.table({"file": [file for file, _ in rows], "morphology": [kind for _, kind in rows]})
        pyarrow.parquet.write_table(columns, path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())

    def read(raw: bytes) -> None:
        path.write_bytes(raw)
        with open_table(path) as opened:
            for _row in opened.rows([column_named(opened, each, name) for each in ("file", "morphology")]):
                pass

    return path.read_bytes(), read, (DatasetError,)


def weights() -> Kind:
    """A file as PyTorch before 1.6 wrote it: the smaller of the two packages', of which only a part is damaged."""
    from importlib import metadata

    from galaxies.ml.features.pretrained import LITE0, PretrainedError, read_tensors

    place = metadata.distribution(LITE0.package).locate_file(LITE0.file)
    return Path(str(place)).read_bytes(), lambda raw: read_tensors(raw, LITE0.package), (PretrainedError,)


def upload(format: str) -> Kind:
    """A picture that a visitor sends; the encoder's answer is not asked for."""
    from PIL import Image

    import galaxies.uploads as uploads
    from galaxies.models import ModelVersion

    version = ModelVersion(version=a_bundle(), resolution=32)
    uploads.service = lambda: type("Encoder", (), {"features": lambda self, name, pixels: np.zeros(8)})()  # type: ignore
    buffer = BytesIO()
    Image.fromarray(picture()).save(buffer, format) if format != "FITS" else buffer.write(fits_file())
    return buffer.getvalue(), lambda raw: uploads.read_upload(raw, version), (uploads.NotUsable,)


def recipe(format: str) -> Kind:
    """A picture that was downloaded here, which is opened in the studio again."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from galaxies.embedded import NoRecipe, read_recipe

    info, buffer = PngInfo(), BytesIO()
    info.add_itxt("Recipe", json.dumps({"version": "a", "cluster": 0, "seed": 1, "psi": 0.8, "path": [[2, 0.25]]}))
    Image.fromarray(picture()).save(buffer, "PNG", pnginfo=info) if format == "PNG" else buffer.write(fits_file())
    return buffer.getvalue(), lambda raw: read_recipe(BytesIO(raw), len(raw)), (NoRecipe,)


def a_bundle() -> str:
    """Make a small folder in the store that looks like a bundle. Returns: its name."""
    from django.conf import settings

    from galaxies.ml.bundle import sha256

    folder = Path(settings.MODELS_STORE) / "small"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "clusters.npz", centroids=np.zeros((2, 8)), mean=np.zeros(8), axes=np.eye(8))
    manifest = json.loads(next((Path(__file__).parents[2] / "models_store").glob("*/manifest.json")).read_text())
    families = [{**family, "exemplars": []} for family in manifest["families"]]
    files = {"clusters.npz": sha256(folder / "clusters.npz")}
    manifest |= {"version": "small", "families": families, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder.name


def bundle() -> Kind:
    """A zip of a bundle from elsewhere."""
    from django.conf import settings

    from galaxies.ml.bundle import BundleError
    from galaxies.registry.transfer import unpacked

    name, path = a_bundle(), Path("bundle.zip")
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted((Path(settings.MODELS_STORE) / name).iterdir()):
            archive.write(file, f"{name}/{file.name}")

    def read(raw: bytes) -> None:
        path.write_bytes(raw)
        with unpacked(path):
            pass

    return path.read_bytes(), read, (BundleError,)


KINDS: dict[str, Callable[[], Kind]] = {
    **{format.lower(): partial(raster, format) for format in ("JPEG", "PNG", "WEBP", "TIFF")},
    "fits": partial(cube, packed=False),
    "fits.gz": partial(cube, packed=True),
    "hdf5": hdf5,
    **{name: partial(table, name) for name in ("labels.csv", "labels.csv.gz", "labels.parquet")},
    "pth": weights,
    "zip": bundle,
    **{f"upload.{format.lower()}": partial(upload, format) for format in ("JPEG", "PNG", "WEBP", "FITS")},
    **{f"recipe.{format.lower()}": partial(recipe, format) for format in ("PNG", "FITS")},
}


def tried(kind: str, seed: int, number: int) -> dict[str, Any]:
    """Read damaged files of a kind. Returns: how many were read and refused, and what else was raised."""
    whole, read, declared = KINDS[kind]()
    read(whole)  # loads what the reader needs, and fails here if the whole file is not read
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + ROOM, resource.RLIM_INFINITY))
    random, found = Random(f"{kind} {seed}"), {"read": 0, "refused": 0}  # noqa: S311  (nothing is protected by it)
    faults: list[str] = []
    for which in range(number):
        raw = mutated(whole, random)
        sys.stderr.write(f"\r{kind} {which}")  # the one at which a process died
        try:
            read(raw)
            found["read"] += 1
        except declared as error:
            found["refused"] += 1
            if not str(error) or "\n" in str(error):
                faults.append(f"file {which}: no sentence, {error!r}")
        except Exception:
            faults.append(f"file {which}: {traceback.format_exc(limit=-3)}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {**found, "faults": faults, "peak_mb": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "nebulai.settings", "NEBULAI_DATA_DIR": place}
        os.environ["NEBULAI_MODELS_STORE"] = f"{place}/store"
        import django

        django.setup()
        os.chdir(place)
        sys.stdout.write(json.dumps(tried(asked.kind, asked.seed, asked.number)) + "\n")


if __name__ == "__main__":
    main()
