"""Losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def penalty(discriminate: Callable[..., Any], *images: Any) -> Any:
    """Mean squared gradient norm of the logits: R1 on real images, R2 on generated ones (Mescheder et al. 2018)."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminate(*images))
    gradients = tape.gradient(logits, images, unconnected_gradients="zero")
    return sum(tf.reduce_mean(tf.reduce_sum(g**2, axis=(1, 2, 3))) for g in gradients)


def other_labels(labels: Any, seed: Any) -> Any:
    """(N, k) one-hot -> (N, k) one-hot of another family each, all alike likely; the same where there is but one."""
    n, k = tf.shape(labels)[0], labels.shape[1]
    steps = tf.random.stateless_uniform([n], seed, 1, max(2, k), tf.int32)
    return tf.one_hot((tf.argmax(labels, axis=1, output_type=tf.int32) + steps) % k, k)


def apply(optimizer: Any, tape: Any, loss: Any, weights: list[Any]) -> None:
    gradients = tape.gradient(loss, weights)  # a penalty does not depend on the last bias: no gradient, no step
    zeros = [tf.zeros_like(w) if g is None else g for g, w in zip(gradients, weights, strict=True)]
    optimizer.apply_gradients(zip(zeros, weights, strict=True))


def as_file(images: Any) -> Any:
    """As a file keeps them: cut at black and white, rounded to 256 levels. Real images stay as they are.

    Gradients pass as if nothing was cut or rounded, so that a pixel blacker than black learns to be brighter.
    """
    kept = tf.round((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5) / 127.5 - 1.0
    return images + tf.stop_gradient(kept - images)


def overshoot(images: Any) -> Any:
    """How far images go beyond black and white, less a margin of 0.1: the mean of their sums over pixels and colours.

    Files do not show it, so discriminators do not, either: some rare galaxies went to 13 where 1 is white.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.nn.relu(tf.abs(images) - 1.1), axis=(1, 2, 3)))
