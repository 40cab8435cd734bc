import subprocess
import sys
from typing import Any

import pytest

from galaxies.ml.kid_in_words import sentence


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


def test_the_site_starts_without_the_libraries_of_evaluation() -> None:
    code = "import django; django.setup(); import galaxies.urls, sys; print({'sklearn', 'statmorph'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert found.stdout.strip() == "set()"
