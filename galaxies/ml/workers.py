"""Several processes that train one model together: whose is which part of a batch, and what all of them must agree on.

    x = run.workers.part(x)                         # of the whole batch, which each draws from the same seed
    gradients = run.workers.mean(gradients)         # those of the whole batch, the same for all

Every worker has all weights, draws all random numbers of a batch and computes its share of it; means over images are
taken over the whole batch. So a step is that of one process but for the order of sums. One process alone is the only
worker of its own: nothing is cut or averaged then. galaxies.cluster.training joins several.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from galaxies.ml.arrays import Tensor


def _itself(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Workers:
    """This process, the `rank`-th of `count`.

    total(tensor): its sum over all workers, through which gradients pass, summed as well.
    """

    rank: int = 0
    count: int = 1
    total: Callable[[Tensor], Tensor] = _itself

    @property
    def leads(self) -> bool:
        """Whether this is the worker that writes, measures and reports."""
        return self.rank == 0

    def part(self, x: Tensor, axis: int = 0) -> Tensor:
        """Return this worker's share of x, whose images, the whole batch, lie along an axis."""
        if self.count == 1:
            return x
        import tensorflow as tf

        return tf.split(x, self.count, axis)[self.rank]

    def part_of_halves(self, x: Tensor) -> Tensor:
        """Return this worker's share of each half of x (N, ...), together: halves of another kind stay halves."""
        if self.count == 1:
            return x
        import tensorflow as tf

        return tf.concat([self.part(half) for half in tf.split(x, 2)], axis=0)

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the mean over all workers of each of these, of one dtype. Gradients pass it."""
        if self.count == 1:
            return list(tensors)
        return _unpacked(self.total(_packed(tensors)) / self.count, tensors)

    def variance(self, x: Tensor) -> Tensor:
        """Return the variance over the images of the whole batch of x (n, ...)."""
        import tensorflow as tf

        (mean,) = self.mean([tf.reduce_mean(x, axis=0)])
        return self.mean([tf.reduce_mean(tf.square(x - mean), axis=0)])[0]

    def of_first(self, arrays: Sequence[Tensor]) -> list[Tensor]:
        """Return what the first worker has for each of these, of any dtypes that float64 holds."""
        if self.count == 1:
            return list(arrays)
        import tensorflow as tf

        own = _packed([tf.cast(x, tf.float64) for x in arrays])
        found = _unpacked(self.total(own if self.leads else tf.zeros_like(own)), arrays)
        return [tf.cast(x, np.asarray(array).dtype) for x, array in zip(found, arrays, strict=True)]


def _packed(tensors: Sequence[Tensor]) -> Tensor:
    import tensorflow as tf

    return tf.concat([tf.reshape(x, [-1]) for x in tensors], axis=0)


def _unpacked(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Cut a flat tensor (n,) into the shapes of others."""
    import tensorflow as tf

    parts = tf.split(flat, [int(np.prod(x.shape)) for x in like])
    return [tf.reshape(part, x.shape) for part, x in zip(parts, like, strict=True)]


ALONE = Workers()
