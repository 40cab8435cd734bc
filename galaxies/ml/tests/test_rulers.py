"""Real images at lower resolution, and the sentence that they make of KID."""

from typing import Any

import numpy as np
import pytest

from galaxies.ml.arrays import silent
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.rulers import ruler_features, sentence, shrunk


def kid(value: float | None, halved: float = 0.006, quartered: float | None = 0.033) -> dict[str, Any]:
    rulers = {"halved": {"value": halved}} | ({"quartered": {"value": quartered}} if quartered else {})
    return {"value": value, "floor": 0.0, "floor_std": 0.0005, "rulers": rulers}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0001, "As near to real as other real galaxies."),
        (0.003, "Nearer to real than real galaxies at half the resolution."),
        (0.0055, "As far from real as real galaxies at half the resolution."),
        (0.007, "As far from real as real galaxies at half the resolution."),
        (
            0.02,
            "Further from real than real galaxies at half the resolution, "
            "nearer than real galaxies at a quarter of the resolution.",
        ),
        (0.035, "As far from real as real galaxies at a quarter of the resolution."),
        (0.066, "2.0 times as far from real as real galaxies at a quarter of the resolution."),
    ],
)
def test_the_sentence_says_where_kid_stands_among_the_rulers(value: float, words: str) -> None:
    assert sentence(kid(value)) == words


def test_an_extractor_that_is_blind_to_sharpness_is_called_so() -> None:
    assert "says nothing of sharpness" in sentence(kid(0.02, halved=0.0003))


def test_without_a_number_or_rulers_there_is_no_sentence() -> None:
    assert sentence(kid(None)) == ""
    assert sentence({"value": 0.1, "floor": 0.0}) == ""
    assert sentence(kid(0.024, quartered=None)).startswith("4.0 times as far from real as real galaxies at half")


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
