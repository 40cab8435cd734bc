"""Optimizer steps that the phases of the GAN share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.workers import ALONE, Workers


def adam(rate: float, weights: Sequence[Tensor], beta_1: float, beta_2: float) -> Any:
    """Return Adam with its variables made for these weights, so that a checkpoint can restore them."""
    optimizer = keras.optimizers.Adam(rate, beta_1=beta_1, beta_2=beta_2)
    optimizer.build(weights)
    return optimizer


def apply_gradients(
    optimizer: Any, tape: Any, loss: Tensor, weights: Sequence[Tensor], *, workers: Workers = ALONE
) -> None:
    """Take one step down the gradient of `loss`, which need not depend on every weight.

    workers: whose losses are means over equal shares of a batch: all take the step of the whole.
    """
    gradients = tape.gradient(loss, weights)  # a penalty does not depend on the last bias: no gradient, no step
    zeros = [tf.zeros_like(w) if g is None else g for g, w in zip(gradients, weights, strict=True)]
    optimizer.apply_gradients(zip(workers.mean(zeros), weights, strict=True))
