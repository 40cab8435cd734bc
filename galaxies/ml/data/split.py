"""Which images are held out: the same ones in every run, by a checksum of each image alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HELD_OUT = 0.2
BY_PIXELS, BY_FILES = "pixels", "files"
SPLITS = (BY_PIXELS, BY_FILES)  # what the checksum is of; bundles that name neither were split by files


def is_held_out(digest: str, share: float = HELD_OUT) -> bool:
    """Whether an image with this sha256 is held out: depends on it alone, so adding images moves nobody."""
    return int(digest[:12], 16) < share * 16**12


def held_out_mask(digests: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Return (N,) bool for N checksums."""
    return np.array([is_held_out(digest) for digest in digests], dtype=bool)
