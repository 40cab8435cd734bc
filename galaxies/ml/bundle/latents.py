"""Latents from seeds, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from galaxies.ml.arrays import Floats

SEED_LIMIT = 2**63


def normals(seed: int, count: int) -> Floats:
    """`count` standard normal float32 from Philox keyed by `seed`: the same on every machine and numpy version."""
    from scipy.special import ndtri

    raw = np.random.Philox(key=seed).random_raw(count)
    return np.asarray(ndtri(((raw >> np.uint64(11)) + 0.5) * 2.0**-53), np.float32)


@dataclass(frozen=True)
class LatentLayout:
    """How the normals of a seed are dealt out: z first, then noise planes of these sides, then the stages' styles.

    What comes last is what came last to the project: the normals of earlier models keep their places.
    """

    z_dim: int
    sides: tuple[int, ...]
    style: int = 0

    @property
    def count(self) -> int:
        """The number of normals of an image."""
        return self.z_dim + sum(side * side for side in self.sides) + self.style

    def deal(self, drawn: Floats) -> tuple[Floats, list[Floats], Floats]:
        """Return z (N, z_dim), noise planes (N, side, side, 1) and style (N, style) of normals (N, count)."""
        ends = np.cumsum([self.z_dim, *(side * side for side in self.sides)])
        z, *planes, style = np.split(drawn, ends, axis=1)
        return z, [p.reshape(-1, side, side, 1) for p, side in zip(planes, self.sides, strict=True)], style
