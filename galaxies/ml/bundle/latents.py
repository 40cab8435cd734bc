"""Latents from seeds, the same on every machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from galaxies.ml.arrays import Floats

if TYPE_CHECKING:
    pass

SEED_LIMIT = 2**63


def normals(seed: int, count: int) -> Floats:
    """`count` standard normal float32 from Philox keyed by `seed`: the same on every machine and numpy version."""
    from scipy.special import ndtri

    raw = np.random.Philox(key=seed).random_raw(count)
    return np.asarray(ndtri(((raw >> np.uint64(11)) + 0.5) * 2.0**-53), np.float32)
