"""Does K-Means earn its place: python bench/families.py BUNDLE --images FOLDER [--budget-images 60000]

Three GANs of 32 px at equal budgets: with the families of the bundle, with one family for all, and with the same
families dealt out at random. Each is measured against held-out images by the bundle's encoder, which sees 64 px: it
looks at all of them alike enlarged. A run goes on where it stopped; its folder is var/bench/families-*.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from galaxies.ml.bundle import load_bundle
from galaxies.ml.bundle.inference import load_encoder
from galaxies.ml.data.dataset import CROP, load_dataset
from galaxies.ml.data.options import options_of
from galaxies.ml.data.resize import area_resize
from galaxies.ml.evaluation.metrics import kernel_distance, prdc
from galaxies.ml.features.encoder import make_encode
from galaxies.ml.gan.monitoring import sample_fixed
from galaxies.ml.gan.sampling import LabelledImages
from galaxies.ml.loop import Run
from galaxies.ml.pipeline import Training, train_generator
from galaxies.ml.presets import PRESETS

SIDE = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--budget-images", type=int, default=60_000, help="of the adversarial phase")
    asked = parser.parse_args()
    bundle = load_bundle(asked.bundle)
    read = bundle.manifest["data"]
    data = load_dataset(
        asked.images, bundle.resolution, Path("var/datasets"), read.get("crop", CROP), options=options_of(read)
    )
    if data.fingerprint != bundle.manifest["data"]["fingerprint"]:
        parser.error("These are not the images that the bundle learned from.")
    encode = make_encode(load_encoder(bundle.manifest, bundle.arrays), zooms=(1,))
    images = area_resize(data.images[data.train], SIDE)
    families = bundle.assign(bundle.real.features[data.train])
    held_out = encode(area_resize(data.images[data.held_out], SIDE))
    floor = encode(images)
    mean, deviation = floor.mean(axis=0), floor.std(axis=0)
    rng = np.random.default_rng(0)
    standard = PRESETS["standard"]
    gan = replace(standard.adversarial, discriminator=standard.adversarial.discriminator[:-1])
    settings = replace(
        standard,
        channels=standard.channels[:-1],
        adversarial=gan,
        warm_start=replace(standard.warm_start, channels=gan.discriminator),
        warm_start_images=20_000,
        adversarial_images=asked.budget_images,
    )

    def line(name: str, features: np.ndarray) -> None:
        real, made = ((f - mean) / deviation for f in (held_out, features))
        found = prdc(real, made)
        print(
            f"{name:24} KID {kernel_distance(real, made):7.4f}  precision {found['precision']:.3f}  "
            f"recall {found['recall']:.3f}",
            flush=True,
        )

    line("real images", floor[rng.permutation(len(floor))[: len(held_out)]])
    for name, labels in (
        ("families by K-Means", families),
        ("one family", np.zeros_like(families)),
        ("families at random", rng.permutation(families)),
    ):
        run = Run(Path("var/bench") / f"families-{name.replace(' ', '-')}")
        training = Training(images, settings, run, lambda report: None)
        generator = train_generator(training, LabelledImages(images, labels, int(labels.max()) + 1))
        line(name, encode(sample_fixed(generator, rng.choice(labels, len(held_out)))))


if __name__ == "__main__":
    main()
