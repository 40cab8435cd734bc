from pathlib import Path

import keras
import numpy as np
import pytest

from galaxies.ml.gan.lowest import keep_lowest
from galaxies.ml.loop import load_state


@pytest.mark.parametrize("numbers", [[3.0, -1.0, 2.0, -0.5], [5.0, -1.0]])
def test_what_was_lowest_comes_back(tmp_path: Path, numbers: list[float]) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    found = iter(numbers)
    measure = keep_lowest(model, lambda: {"kid": 0.0, "seen": next(found)}, tmp_path / "best.npz", by="seen")
    for images, number in enumerate(numbers):
        model.set_weights([np.full((2, 1), number), np.full(1, images)])
        assert measure(images) == {"kid": 0.0, "seen": number}
    load_state(tmp_path / "best.npz", {"ema": model})
    kernel, bias = model.get_weights()
    assert (kernel == -1.0).all()
    assert bias == 1
