"""The learned x2 stages: from what the GAN paints to twice its side, with the detail and grain of real images.

    stage = train_stage(images_128, StageConfig(128), Budget(minutes=20), run, print)

A stage sees pairs (halved real image, real image), so its first minutes already look right (Fussell & Moews 2019 chain
GANs in this way for galaxies). A patch critic asks for real grain.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Images
from galaxies.ml.gan.augment import turn
from galaxies.ml.gan.batches import fold_in
from galaxies.ml.gan.losses import apply, penalty
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.networks.layers import to_float
from galaxies.ml.networks.super_resolution import PatchCritic, Stage, StageConfig, build_stage

CROP = 32  # px of the input
BATCH = 16
RATE = 3e-4
CRITIC_RATE = 9e-4
GAMMA = 2e-4  # the critic sees the detail 16 times enlarged, so its gradients are large
LAZY = 8
PIXELS = 1.0


def train_stage(
    images: Images,
    config: StageConfig,
    budget: Budget,
    run: Run,
    reporter: Reporter,
    batch: int = BATCH,
    seed: int = 0,
    begin: Stage | None = None,
) -> Stage:
    """A x2 stage from pairs (halved real image, real image), cut into patches: it adds detail and grain, not shapes.

    images: (N, R, R, 3) uint8 with R = config.resolution; begin: an earlier stage of that config to go on with.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    stage, critic = begin or build_stage(config), PatchCritic()
    side = min(2 * CROP, config.resolution)
    blank = np.zeros((1, side, side, 3), "float32")
    critic(blank, blank)
    optimizers = [keras.optimizers.Adam(RATE, beta_1=0.0, beta_2=0.99) for _ in range(2)]
    optimizers[0].build(stage.trainable_variables)
    optimizers[1].build(critic.trainable_variables)

    def patches(key: Any, picked: Any) -> tuple[Any, Any, Any]:
        x = turn(to_float(picked), fold_in(key, 1))
        low = tf.nn.avg_pool2d(x, 2, 2, "VALID")
        return x, low, tf.image.resize(low, [side, side])

    @tf.function
    def step(number: Any, picked: Any, rate: Any, lazy: bool) -> Any:
        key = tf.stack([seed, number])
        x, low, plain = patches(key, picked)
        noise = tf.random.stateless_normal([batch, side, side, 1], fold_in(key, 3))
        optimizers[0].learning_rate.assign(rate * RATE)
        optimizers[1].learning_rate.assign(rate * CRITIC_RATE)
        with tf.GradientTape(persistent=True) as tape:
            made = stage(low, noise)
            real_logits, fake_logits = critic(x, plain), critic(made, plain)
            pixels = tf.reduce_mean(tf.abs(made - x))
            g_loss = tf.reduce_mean(tf.nn.softplus(real_logits - fake_logits))
            total = g_loss + PIXELS * pixels
            d_loss = tf.reduce_mean(tf.nn.softplus(fake_logits - real_logits))
            if lazy:
                both = penalty(lambda i: _mean_logit(critic, i, plain), x) + penalty(
                    lambda i: _mean_logit(critic, i, plain), made
                )
                d_loss += both * (GAMMA / 2 * LAZY)
        apply(optimizers[0], tape, total, stage.trainable_variables)
        apply(optimizers[1], tape, d_loss, critic.trainable_variables)
        return g_loss, d_loss, pixels

    def train(number: int) -> dict[str, Any]:
        share = budget.share_done(number * batch, phase.seconds)
        rate = 1 - 0.9 * share
        picked = crops(images, batch, side, np.random.default_rng([seed, number]))
        losses = step(tf.constant(number), picked, tf.constant(rate, tf.float32), number % LAZY == 0)
        return dict(zip(("generator", "critic", "pixels"), losses, strict=True))

    state = {"stage": stage, "critic": critic, "g_optimizer": optimizers[0], "d_optimizer": optimizers[1]}
    phase = Phase(f"stage_{config.resolution}", train, state, batch)
    run_phase(phase, budget, run, reporter)
    return stage


def _mean_logit(critic: PatchCritic, images: Any, condition: Any) -> Any:
    return tf.reduce_mean(critic(images, condition), axis=(1, 2))


def crops(images: Images, batch: int, side: int, generator: np.random.Generator) -> Images:
    """Random squares (batch, side, side, 3), half of them near the centre, where the galaxies are."""
    last = images.shape[1] - side
    picked = generator.integers(len(images), size=batch)
    offsets = generator.integers(last // 2 * 2 + 1, size=(batch, 2))
    near = generator.integers(last // 4, last - last // 4 + 1, size=(batch, 2))
    offsets[: batch // 2] = near[: batch // 2]
    offsets -= offsets % 2
    return np.stack([images[i, a : a + side, b : b + side] for i, (a, b) in zip(picked, offsets, strict=True)])
