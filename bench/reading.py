"""How long a large HDF5 file takes to be read and cached, and how much memory.

    PYTHONPATH=. python bench/reading.py make random.h5 --images 17736         # random content, gzip: once
    PYTHONPATH=. /usr/bin/time -v python bench/reading.py read random.h5 --resolution 256

Random content is the worst case: nothing compresses, no two images are alike, and every byte is written to the cache.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from galaxies.ml.data import load_dataset

SIDE = 256


def make(path: Path, count: int) -> None:
    """Write Galaxy10's two data sets, in the chunks that h5py chooses by itself."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        shape = (count, SIDE, SIDE, 3)
        images = file.create_dataset("images", shape, np.uint8, compression="gzip", compression_opts=1)
        length = images.chunks[0]
        print(f"{shape} in chunks of {images.chunks}")
        for start in range(0, count, length):
            end = min(start + length, count)
            images[start:end] = random.integers(0, 256, (end - start, SIDE, SIDE, 3), np.uint8)
        file["ans"] = random.integers(0, 10, count)


def read(path: Path, resolution: int) -> None:
    """Read it twice, the second time from the cache."""
    with tempfile.TemporaryDirectory(dir=path.parent) as cache:
        for what in ("read and cached", "from the cache"):
            began, busy = time.monotonic(), time.process_time()
            data = load_dataset(path, resolution, Path(cache), minimum=1)
            wall, cpu = time.monotonic() - began, time.process_time() - busy
            print(f"{what}: {len(data.images):,} images in {wall:.1f} s, of which {cpu:.1f} s on a processor")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("make", "read"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--images", type=int, default=17_736)
    parser.add_argument("--resolution", type=int, default=SIDE)
    asked = parser.parse_args()
    if asked.what == "make":
        make(asked.path, asked.images)
    else:
        read(asked.path, asked.resolution)


if __name__ == "__main__":
    main()
