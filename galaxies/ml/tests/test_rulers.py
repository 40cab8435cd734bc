"""Real images at lower resolution."""

import numpy as np

from galaxies.ml.arrays import silent
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.rulers import ruler_features, shrunk


def test_rulers_are_in_the_order_of_the_images_and_left_out_where_the_side_does_not_allow_them() -> None:
    images = np.random.default_rng(0).integers(0, 255, (300, 8, 8, 3)).astype(np.uint8)
    corner = Extractor(lambda batch: batch[:, 0, 0].astype(np.float32), "corner", "1")
    found = ruler_features(corner, images, silent)
    assert list(found) == ["halved", "quartered"]
    np.testing.assert_array_equal(found["halved"], corner(shrunk(images, 2)))
    assert list(ruler_features(corner, images[:, :6, :6], silent)) == ["halved"]


def test_shrunk_images_keep_their_side_and_their_light() -> None:
    images = np.full((1, 16, 16, 3), 90, np.uint8)
    images[:, ::2] = 110
    assert shrunk(images, 2).shape == images.shape
    assert set(np.unique(shrunk(images, 2))) == {100}
