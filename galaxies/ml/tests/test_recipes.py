"""What a recipe made it makes for ever: 24 recipes of the committed bundle, as they were first sampled."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from galaxies.ml.bundle import load_bundle
from galaxies.ml.data.resize import area_resize

BUNDLE = Path(__file__).parents[3] / "models_store" / "sdss-256-c"
PIXELS = "b7a5f1fa1fd162fffa9686b0da25021cccaee680c67c5e81d08a9d0c16b76603"
SHEET = Path(__file__).with_name("recipes.png")  # the same at 64 px, 8 beside each other
COUNT, SIDE, COLUMNS = 24, 64, 8


def test_old_recipes_give_the_same_pixels() -> None:
    clusters = [i % 6 for i in range(COUNT)]
    seeds = [1000 + 97 * i for i in range(COUNT)]
    images = load_bundle(str(BUNDLE)).sample(
        clusters,
        seeds,
        [(0.5, 0.8, 1.0)[i % 3] for i in range(COUNT)],
        clusters2=[(c + i // 18) % 6 for i, c in enumerate(clusters)],
        seeds2=[seed + 1 for seed in seeds],
        mix=[0.0 if i < 18 else 0.25 for i in range(COUNT)],
    )
    if hashlib.sha256(images.tobytes()).hexdigest() != PIXELS:  # another processor may round to another level
        with Image.open(SHEET) as sheet:
            kept = np.asarray(sheet).reshape(COUNT // COLUMNS, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2)
        found = area_resize(images, SIDE).astype(int).reshape(kept.shape)
        assert np.abs(found - kept).max() <= 1
