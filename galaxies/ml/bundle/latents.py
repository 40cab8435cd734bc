"""Latents from seeds, the same on every machine."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import numpy as np

from galaxies.ml.arrays import Floats

SEED_LIMIT = 2**63
MAX_STEPS = 32  # of a path
DIGITS = 6  # of a step's weight: far finer than one level of a pixel
NOTHING = 1e-9  # a share of a latent that is none

Steps = tuple[tuple[int, float], ...]  # steps: the seed that each goes towards, and how far, from 0 to 1
Mixture = Mapping[int, float]  # how much of each seed's normals is in a latent; the squares add up to 1


def normals(seed: int, count: int) -> Floats:
    """`count` standard normal float32 from Philox keyed by `seed`: the same on every machine and numpy version."""
    from scipy.special import ndtri

    raw = np.random.Philox(key=seed).random_raw(count)
    return np.asarray(ndtri(((raw >> np.uint64(11)) + 0.5) * 2.0**-53), np.float32)


def family_of(seed: int, shares: Sequence[float]) -> int:
    """Return the id of a family drawn by `shares` for a seed: the same on every machine, and apart from its normals."""
    raw = int(np.random.Philox(key=[seed, 1]).random_raw(1)[0])
    ends = np.cumsum(shares)
    return min(int(np.searchsorted(ends, (raw >> 11) * 2.0**-53 * ends[-1], side="right")), len(ends) - 1)


def walk(seed: int, path: Steps) -> Mixture:
    """Return the latent that a path leads to from a seed."""
    at: Mixture = {seed: 1.0}
    for towards, weight in path:
        at = between(at, {towards: 1.0}, weight)
    return at


def between(start: Mixture, end: Mixture, weight: float) -> Mixture:
    """Return the latent on the arc from one to another (Shoemake 1985, slerp): 0 is the first, 1 the second.

    Normals of different seeds are independent, so the angle is that between the shares, and what lies on the arc is
    standard normal again.
    """
    cosine = sum(share * end.get(seed, 0.0) for seed, share in start.items())
    angle = math.acos(min(1.0, cosine))
    if math.sin(angle) < NOTHING:
        return start
    across = {seed: end.get(seed, 0.0) - cosine * start.get(seed, 0.0) for seed in {**start, **end}}
    along, aside = math.cos(weight * angle), math.sin(weight * angle) / math.sin(angle)
    return {seed: along * start.get(seed, 0.0) + aside * share for seed, share in across.items()}


def path_to(latent: Mixture) -> tuple[int, Steps]:
    """Return a seed and the path from it that leads to a latent without negative shares: a step for each other seed."""
    (first, length), *others = [(seed, share) for seed, share in latent.items() if share > NOTHING]
    path = []
    for seed, share in others:
        path.append((seed, round(math.atan2(share, length) / (math.pi / 2), DIGITS)))
        length = math.hypot(length, share)
    return first, tuple(path)


def normals_of(latent: Mixture, count: int) -> Floats:
    """Return the `count` normals of a latent."""
    shares = [(seed, share) for seed, share in latent.items() if abs(share) > NOTHING]
    drawn = np.float32(shares[0][1]) * _recent(shares[0][0], count)
    for seed, share in shares[1:]:
        drawn = drawn + np.float32(share) * _recent(seed, count)
    return drawn


def draw(latents: Sequence[Mixture], count: int) -> Floats:
    """Return the normals (N, count) of latents, drawn by as many threads as there are cores."""
    if len(latents) == 1:
        return normals_of(latents[0], count)[None]
    return np.stack(list(_threads().map(partial(normals_of, count=count), latents)))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)), "normals")


# Neighbours and the steps of a blend share most of their seeds, and each takes some milliseconds to draw.
_recent = lru_cache(maxsize=2 * MAX_STEPS)(normals)


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
