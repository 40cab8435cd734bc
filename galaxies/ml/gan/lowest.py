"""Keep the moving average of what trains as it was when a number was lowest.

measure = keep_lowest(average, meter, run.checkpoint("best"))       # measure(images seen) returns the meter's numbers
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from galaxies.ml.loop import read_header, write_arrays


def keep_lowest(
    average: Any, meter: Callable[[], dict[str, float]], path: Path, *, by: str = "kid"
) -> Callable[[int], dict[str, float]]:
    """Return what measures a Keras model, and writes it to `path` whenever the number called `by` is the lowest so far.

    `galaxies.ml.loop.load_state(path, {"ema": average})` brings it back.
    """

    def measure(images: int) -> dict[str, float]:
        numbers = meter()
        if not path.exists() or numbers[by] < read_header(path)[by]:
            weights = {f"ema/{i}": np.asarray(v.value) for i, v in enumerate(average.variables)}
            write_arrays(path, {"header": np.array(json.dumps({by: numbers[by], "images": images})), **weights})
        return numbers

    return measure
