"""Mixed precision where it is faster: a measurement decides, since a CPU that has bfloat16 need not be quicker with it.

with dtype_policy(faster_policy()):
    layer = keras.layers.Dense(8)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

WORTH = 1.2  # mixed precision costs casts around every layer


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Give layers made inside this Keras policy: "float32" or "mixed_bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def faster_policy() -> str:
    """Return "mixed_bfloat16" if a convolution's passes are clearly faster in it on this machine, else "float32"."""
    return "mixed_bfloat16" if _seconds(tf.float32) > WORTH * _seconds(tf.bfloat16) else "float32"


def convolution_seconds() -> float:
    """Return the seconds of a convolution's two passes in the faster precision."""
    return min(_seconds(tf.float32), _seconds(tf.bfloat16))


def _seconds(dtype: Any) -> float:
    x, kernel = tf.ones([32, 16, 16, 96], dtype), tf.ones([3, 3, 96, 96], dtype)

    @tf.function
    def passes() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            total = tf.reduce_sum(tf.nn.conv2d(x, kernel, 1, "SAME"))
        return tf.reduce_sum(tape.gradient(total, kernel))

    times = []
    for _ in range(6):
        started = time.perf_counter()
        passes().numpy()
        times.append(time.perf_counter() - started)
    return min(times)
