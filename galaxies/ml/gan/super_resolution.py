"""Train the x2 stages: from what the GAN generates to twice its side, with the detail and grain of real images.

    stage = train_stage(images, StageConfig(128), Budget(minutes=20), run=run, reporter=print)

A stage sees pairs (halved real image, real image), so its first minutes already look right (Fussell & Moews 2019 chain
GANs in this way for galaxies). A patch critic asks for real grain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Images, Tensor
from galaxies.ml.gan.augment import random_symmetry
from galaxies.ml.gan.losses import gradient_penalty, relativistic_loss
from galaxies.ml.gan.optimizers import adam, apply_gradients
from galaxies.ml.gan.sampling import fold_in
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.networks.layers import to_float
from galaxies.ml.networks.super_resolution import PatchCritic, Stage, StageConfig, build_stage
from galaxies.ml.schedules import linear_decay


@dataclass(frozen=True)
class SuperResolutionSettings:
    """crop: px of the input's side. gamma weighs R1 and R2, applied every `lazy` steps; pixels weighs |error|.

    detail: how many times the critic sees it enlarged, so its gradients are large and gamma is small.
    """

    crop: int = 32
    batch: int = 16
    rate: float = 3e-4
    critic_rate: float = 9e-4
    end_rate: float = 0.1
    beta_2: float = 0.99
    gamma: float = 2e-4
    lazy: int = 8
    pixels: float = 1.0
    critic: tuple[int, ...] = (32, 48)
    detail: float = 16.0


def train_stage(
    images: Images,
    config: StageConfig,
    budget: Budget,
    settings: SuperResolutionSettings = SuperResolutionSettings(),
    *,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    begin: Stage | None = None,
) -> Stage:
    """Return a x2 stage trained on pairs (halved real image, real image), cut into patches: it adds detail, not shapes.

    images: (N, R, R, 3) uint8 with R = config.resolution; begin: an earlier stage of that config to go on with.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    stage, critic = begin or build_stage(config), PatchCritic(settings.critic, settings.detail)
    side = min(2 * settings.crop, config.resolution)
    critic(*[np.zeros((1, side, side, 3), "float32")] * 2)
    g_optimizer = adam(settings.rate, stage.trainable_variables, beta_1=0.0, beta_2=settings.beta_2)
    d_optimizer = adam(settings.critic_rate, critic.trainable_variables, beta_1=0.0, beta_2=settings.beta_2)

    @tf.function
    def step(number: Tensor, real: Tensor, rate: Tensor, regularize: bool) -> tuple[Tensor, Tensor, Tensor]:
        key = tf.stack([seed, number])
        x = random_symmetry(to_float(real), fold_in(key, 1))
        low = tf.nn.avg_pool2d(x, 2, 2, "VALID")
        condition = tf.image.resize(low, [side, side])
        noise = tf.random.stateless_normal([settings.batch, side, side, 1], fold_in(key, 3))
        g_optimizer.learning_rate.assign(rate * settings.rate)
        d_optimizer.learning_rate.assign(rate * settings.critic_rate)
        with tf.GradientTape(persistent=True) as tape:
            fake = stage(low, noise)
            real_logits, fake_logits = critic(x, condition), critic(fake, condition)
            pixels = tf.reduce_mean(tf.abs(fake - x))
            g_loss = tf.reduce_mean(relativistic_loss(fake_logits, real_logits))
            d_loss = tf.reduce_mean(relativistic_loss(real_logits, fake_logits))
            total, penalized = g_loss + settings.pixels * pixels, d_loss
            if regularize:
                both = sum(gradient_penalty(_mean_logit(critic, condition), images) for images in (x, fake))
                penalized += both * (settings.gamma / 2 * settings.lazy)
        apply_gradients(g_optimizer, tape, total, stage.trainable_variables)
        apply_gradients(d_optimizer, tape, penalized, critic.trainable_variables)
        return g_loss, d_loss, pixels

    def train(number: int) -> dict[str, Any]:
        rate = linear_decay(budget.share_done(number * settings.batch, phase.seconds), settings.end_rate)
        real = random_crops(images, settings.batch, side, np.random.default_rng([seed, number]))
        regularize = number % settings.lazy == 0
        losses = step(tf.constant(number), real, tf.constant(rate, tf.float32), regularize)
        return dict(zip(("generator", "critic", "pixels"), losses, strict=True))

    state = {"stage": stage, "critic": critic, "g_optimizer": g_optimizer, "d_optimizer": d_optimizer}
    phase = Phase(f"stage_{config.resolution}", train, state, settings.batch)
    run_phase(phase, budget, run, reporter)
    return stage


def _mean_logit(critic: PatchCritic, condition: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda images: tf.reduce_mean(critic(images, condition), axis=(1, 2))


def random_crops(images: Images, batch: int, side: int, generator: np.random.Generator) -> Images:
    """Return random squares (batch, side, side, 3) on even pixels, half of them near the centre, where galaxies are."""
    last = images.shape[1] - side
    picked = generator.integers(len(images), size=batch)
    offsets = generator.integers(last // 2 * 2 + 1, size=(batch, 2))
    near = generator.integers(last // 4, last - last // 4 + 1, size=(batch, 2))
    offsets[: batch // 2] = near[: batch // 2]
    offsets -= offsets % 2
    return np.stack([images[i, a : a + side, b : b + side] for i, (a, b) in zip(picked, offsets, strict=True)])
