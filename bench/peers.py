"""Another GAN on the same images, measured as ours: python bench/peers.py BUNDLE --images FOLDER [--minutes 120]

    python3 -m venv var/peers
    var/peers/bin/pip install torch==2.13.0 lightweight-gan==1.2.1
    python bench/peers.py models_store/sdss-256-c --images FOLDER --minutes 120

lightweight-gan trains on the training images of the bundle, in an environment of its own because it needs PyTorch. Its
samples then stand in the place of the generator's in `manage.py evaluate`. It knows no families, so no number about
families is shown. Minutes are those of one core (OMP_NUM_THREADS sets how many it takes). What it needs and writes is
in var/bench/peers; a run goes on where it stopped.
"""

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from galaxies.ml.arrays import Images, Labels
from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.dataset import CROP, Dataset, load_dataset
from galaxies.ml.data.options import options_of
from galaxies.ml.evaluation import Settings
from galaxies.ml.evaluation.extractors import imagenet
from galaxies.ml.evaluation.of_bundle import evaluate_bundle, summary

OF_FAMILIES = ("kid_per_cluster", "usefulness", "cluster_fidelity", "near_duplicates")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, help="whose split and encoder are used")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=120, help="of a core's time, whatever else runs")
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--python", type=Path, default=Path("var/peers/bin/python"), help="that has lightweight-gan")
    parser.add_argument("--folder", type=Path, default=Path("var/bench/peers"))
    asked = parser.parse_args()
    if not asked.python.exists():
        parser.error(f"There is no {asked.python}: make that environment as the top of this file says.")
    bundle = load_bundle(asked.bundle)
    read = bundle.manifest["data"]
    data = load_dataset(
        asked.images, bundle.resolution, Path("var/datasets"), read.get("crop", CROP), options=options_of(read)
    )
    samples = asked.folder / "samples.npy"
    options = {
        "images": training_files(data, asked.folder / "images"),
        "side": bundle.resolution,
        "minutes": asked.minutes,
        "samples": asked.samples,
        "batch": asked.batch,
        "folder": asked.folder,
        "out": samples,
    }
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    script = Path(__file__).with_name("lightweight.py")
    subprocess.run([str(asked.python), str(script), *arguments], check=True)  # noqa: S603
    settings = Settings(samples=asked.samples)
    metrics = evaluate_bundle(bundle, data, settings, imagenet(), report=print, generate=in_order(samples))
    shown = {name: entry for name, entry in metrics.items() if name not in OF_FAMILIES}
    (asked.folder / "metrics.json").write_text(json.dumps(shown, indent=1) + "\n")
    print(summary(shown))


def training_files(data: Dataset, folder: Path) -> Path:
    """Write the training images, cut and split as ours, where they are not yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in data.train:
        file = folder / f"{data.digests[row][:16]}.png"
        if not file.exists():
            Image.fromarray(data.images[row]).save(file, compress_level=1)
    return folder


def in_order(file: Path) -> Any:
    """Return a generator that gives the images of a file one after the other, whatever it is asked for."""
    images = np.load(file, mmap_mode="r")
    given = 0

    def generate(clusters: Labels, seeds: Labels) -> Images:
        nonlocal given
        given += len(clusters)
        return np.array(images[given - len(clusters) : given])

    return generate


if __name__ == "__main__":
    main()
