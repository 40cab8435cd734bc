"""Schedules of rates and averages; `share` is how much of a phase's budget is used up, 0 to 1.

rate = settings.rate * warm_up(step, 100) * linear_decay(share, 0.1)
"""

from __future__ import annotations

import math


def warm_up(step: int, steps: int) -> float:
    """Return a factor that rises linearly to 1 within the first steps."""
    return min(1.0, (step + 1) / steps)


def linear_decay(share: float, end: float) -> float:
    """Return a factor that falls linearly from 1 to `end`."""
    return 1.0 - (1.0 - end) * share


def cosine_decay(share: float, end: float = 0.0) -> float:
    """Return a factor that falls from 1 to `end` along half a cosine (Loshchilov & Hutter 2017, eq. 5)."""
    return (1.0 + end) / 2 + (1.0 - end) / 2 * math.cos(math.pi * share)


def hold_then_decay(share: float, hold: float, end: float) -> float:
    """Return 1 until `share` reaches `hold`, then a factor that falls to `end` along half a cosine."""
    return cosine_decay(max(0.0, share - hold) / (1.0 - hold), end)


def ema_decay(images: int, batch: int, half_life: float, ramp: float) -> float:
    """Return the decay of a moving average for one step of `batch` images.

    Its half-life is `half_life` images, at the beginning `ramp` times the images seen (Karras et al. 2020).
    """
    return float(0.5 ** (batch / max(min(half_life, ramp * images), 1e-8)))
