"""Warm start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from galaxies.ml.gan.adversarial import Sampler
from galaxies.ml.gan.batches import Conditioned, draw_batch, fold_in, noise_planes
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.networks.generator import Generator, GeneratorConfig, build_generator
from galaxies.ml.networks.latent_encoder import build_latent_encoder

VAE_VARIANCE = 0.2  # DESIGN: squared error / 0.2 + KL


VAE_RATE = 1e-3


def warm_start(
    data: Conditioned,
    config: GeneratorConfig,
    channels: tuple[int, ...],
    budget: Budget,
    run: Run,
    reporter: Reporter,
    batch: int = 32,
    seed: int = 0,
    sampler: Callable[[Generator], Sampler] | None = None,
) -> Generator:
    """A generator that begins as the decoder of a conditional VAE: shapes and colours before any adversary.

    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    generator = build_generator(config)
    generator.mean_image.assign(np.asarray(data.images, np.float32).mean(axis=0) / 127.5 - 1)
    encoder = build_latent_encoder(config, channels)
    optimizer = keras.optimizers.Adam(VAE_RATE, beta_2=0.99)
    weights = generator.trainable_variables + encoder.trainable_variables
    optimizer.build(weights)
    images, clusters = tf.constant(data.images), tf.constant(data.clusters)

    @tf.function
    def step(number: Any, rate: Any) -> Any:
        optimizer.learning_rate.assign(rate)
        key = tf.stack([seed, number])
        x, y = draw_batch(images, clusters, data.n_clusters, batch, key)
        noise = noise_planes(batch, generator.noise_resolutions, key)
        with tf.GradientTape() as tape:
            mean, log_variance = encoder(x, y)
            z = mean + tf.exp(log_variance / 2) * tf.random.stateless_normal(tf.shape(mean), fold_in(key, 3))
            error = tf.reduce_sum((generator(generator.map(z, y), noise) - x) ** 2, axis=(1, 2, 3)) / VAE_VARIANCE
            kl = tf.reduce_sum(tf.exp(log_variance) + mean**2 - 1 - log_variance, axis=1) / 2
            loss = tf.reduce_mean(error + kl)
        gradients = [tf.clip_by_norm(g, 1e3) for g in tape.gradient(loss, weights)]
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return tf.reduce_mean(error), tf.reduce_mean(kl)

    def train(number: int) -> dict[str, Any]:
        share = budget.share_done(number * batch, phase.seconds)
        rate = VAE_RATE * min(1.0, (number + 1) / 100) * (1 - 0.9 * share)
        error, kl = step(tf.constant(number), tf.constant(rate, tf.float32))
        return {"error": error, "kl": kl}

    state = {"generator": generator, "encoder": encoder, "optimizer": optimizer}
    phase = Phase("warm_start", train, state, batch, sampler(generator) if sampler else None)
    run_phase(phase, budget, run, reporter)
    return generator
