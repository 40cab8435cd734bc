"""The warm start: the generator begins as the decoder of a conditional VAE (Kingma & Welling 2014).

    generator = warm_start(data, config, Budget(minutes=5), run=run, reporter=print)

Shapes and colours come before any discriminator: the adversarial phase keeps what it would take hours to find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.gan.losses import kl_divergence, reconstruction_error
from galaxies.ml.gan.optimizers import adam
from galaxies.ml.gan.sampling import LabelledImages, draw_batch, fold_in, noise_planes
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.networks.generator import Generator, GeneratorConfig, build_generator
from galaxies.ml.networks.latent_encoder import build_latent_encoder
from galaxies.ml.schedules import linear_decay, warm_up


@dataclass(frozen=True)
class WarmStartSettings:
    """channels: of the VAE's encoder. variance: of its decoder's output, which weighs squared error against KL."""

    channels: tuple[int, ...] = (40, 80, 128, 192)
    batch: int = 32
    rate: float = 1e-3
    warm_up_steps: int = 100
    end_rate: float = 0.1
    beta_2: float = 0.99
    clip_norm: float = 1e3
    variance: float = 0.2


def warm_start(
    data: LabelledImages,
    config: GeneratorConfig,
    budget: Budget,
    settings: WarmStartSettings = WarmStartSettings(),
    *,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    sampler: Callable[[Generator], Callable[[Path], None]] | None = None,
) -> Generator:
    """Return a generator trained as the decoder of a conditional VAE. All images are drawn alike.

    sampler: returns a function that writes a sample sheet of the generator.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    generator = build_generator(config)
    generator.mean_image.assign(np.asarray(data.images, np.float32).mean(axis=0) / 127.5 - 1)
    encoder = build_latent_encoder(config, settings.channels)
    weights = generator.trainable_variables + encoder.trainable_variables
    optimizer = adam(settings.rate, weights, beta_1=0.9, beta_2=settings.beta_2)

    @tf.function
    def step(number: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
        optimizer.learning_rate.assign(rate)
        key = tf.stack([seed, number])
        x, y = draw_batch(data, settings.batch, key)
        noise = noise_planes(settings.batch, generator.noise_resolutions, key)
        with tf.GradientTape() as tape:
            mean, log_variance = encoder(x, y)
            z = mean + tf.exp(log_variance / 2) * tf.random.stateless_normal(tf.shape(mean), fold_in(key, 3))
            error = reconstruction_error(generator(generator.map(z, y), noise), x, settings.variance)
            kl = kl_divergence(mean, log_variance)
            loss = error + kl
        gradients = [tf.clip_by_norm(g, settings.clip_norm) for g in tape.gradient(loss, weights)]
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return error, kl

    def train(number: int) -> dict[str, Any]:
        share = budget.share_done(number * settings.batch, phase.seconds)
        rate = settings.rate * warm_up(number, settings.warm_up_steps) * linear_decay(share, settings.end_rate)
        error, kl = step(tf.constant(number), tf.constant(rate, tf.float32))
        return {"error": error, "kl": kl}

    state = {"generator": generator, "encoder": encoder, "optimizer": optimizer}
    phase = Phase("warm_start", train, state, settings.batch, sampler(generator) if sampler else None)
    run_phase(phase, budget, run, reporter)
    return generator
