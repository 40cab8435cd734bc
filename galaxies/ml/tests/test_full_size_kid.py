import numpy as np
import pytest

from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation.extractors import Extractor, ExtractorUnavailable, imagenet
from galaxies.ml.evaluation.rulers import shrunk
from galaxies.ml.gan.full_size_kid import full_size_kid


@pytest.mark.slow
def test_it_sees_what_only_full_size_shows() -> None:
    """Galaxies drawn at 64 px, other ones, and those at half their resolution."""
    images = draw(60, 64, seed=3)[0]
    kid = full_size_kid(imagenet(batch=16), images[:24], samples=6)
    assert len(kid.real) == 24
    assert kid(shrunk(images[24:], 2)) > 2 * abs(kid(images[24:]))


def test_what_is_too_small_is_refused_before_anything_trains() -> None:
    never = Extractor(lambda batch: batch.mean(axis=(1, 2), dtype=np.float32), "never", "1", least=64)
    with pytest.raises(ExtractorUnavailable, match="at least 64 px"):
        full_size_kid(never, np.zeros((8, 32, 32, 3), np.uint8))
