"""Names for the arrays that modules pass to each other; N is a number of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]  # (N, H, W, 3), 0 to 255
Features = npt.NDArray[np.floating[Any]]  # (N, d)
Labels = npt.NDArray[np.integer[Any]]  # (N,), ids of clusters
Weights = npt.NDArray[np.float64]  # (N,), above 0
Floats = npt.NDArray[np.floating[Any]]
Tensor = Any  # a tensor of whatever backend Keras runs on, or an array that it takes as one

Progress = Callable[[str, int, int], None]  # (stage, done, total)


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing: the default wherever progress can be reported."""
