"""Losses and penalties of the GAN; images are (N, R, R, 3) in [-1, 1], -1 is black.

d_loss = relativistic_loss(real_logits, fake_logits) + gamma / 2 * gradient_penalty(discriminate, real, fake)
g_loss = relativistic_loss(fake_logits, real_logits) + weight * range_penalty(fake, margin=0.1)
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from galaxies.ml.arrays import Tensor


def relativistic_loss(better: Tensor, worse: Tensor) -> Tensor:
    """Return the pairing logistic loss of each head, (heads,), from logits (N, heads) of two paired batches.

    It is small where `better` has the higher logits (Jolicoeur-Martineau 2019; Huang et al. 2024, eq. 3).
    """
    return tf.reduce_mean(tf.nn.softplus(worse - better), axis=0)


def gradient_penalty(discriminate: Callable[..., Tensor], *images: Tensor) -> Tensor:
    """Return the mean squared gradient norm of the logits with respect to each of the images, summed.

    It is R1 on real images and R2 on generated ones (Mescheder et al. 2018, eq. 9).
    """
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = tf.reduce_sum(discriminate(*images))
    gradients = tape.gradient(logits, images, unconnected_gradients="zero")
    return sum(tf.reduce_mean(tf.reduce_sum(g**2, axis=(1, 2, 3))) for g in gradients)


def range_penalty(images: Tensor, margin: float) -> Tensor:
    """Return how far images go beyond black and white by more than `margin`: summed over pixels, mean over images.

    Files do not show it, so discriminators do not, either: without it some rare galaxies went to 13, where 1 is white.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.nn.relu(tf.abs(images) - (1.0 + margin)), axis=(1, 2, 3)))


def quantize_straight_through(images: Tensor) -> Tensor:
    """Return images as a file keeps them, cut at black and white and rounded to 256 levels.

    Gradients pass as if nothing was cut or rounded (Bengio et al. 2013), so that a pixel blacker than black learns to
    be brighter. Real images stay as they are.
    """
    kept = tf.round((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5) / 127.5 - 1.0
    return images + tf.stop_gradient(kept - images)


def reconstruction_error(images: Tensor, real: Tensor, variance: float) -> Tensor:
    """Return the mean over images of the squared error, summed over pixels and divided by `variance`."""
    return tf.reduce_mean(tf.reduce_sum((images - real) ** 2, axis=(1, 2, 3)) / variance)


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean KL divergence of N(mean, variance) from N(0, 1), (N, d) each (Kingma & Welling 2014, app. B)."""
    return tf.reduce_mean(tf.reduce_sum(tf.exp(log_variance) + mean**2 - 1 - log_variance, axis=1) / 2)
