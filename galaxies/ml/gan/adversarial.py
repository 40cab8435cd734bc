"""The adversarial phase: generator against discriminator.

    generator = train_adversarial(
        data, generator, AdversarialSettings(), Budget(images=1_000_000), run=run, reporter=print
    )

Relativistic pairing logistic loss with R1 and R2 applied lazily (Huang et al. 2024, R3GAN; Karras et al. 2020),
differentiable augmentation (Zhao et al. 2020), projected heads on a frozen feature network (Sauer et al. 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.features.encoder import Encoder
from galaxies.ml.gan.augment import AugmentSettings, augment, expand_channels
from galaxies.ml.gan.losses import gradient_penalty, quantize_straight_through, range_penalty, relativistic_loss
from galaxies.ml.gan.lowest import keep_lowest
from galaxies.ml.gan.optimizers import adam, apply_gradients
from galaxies.ml.gan.sampling import LabelledImages, draw_batch, fold_in, noise_planes, other_labels
from galaxies.ml.loop import Budget, Phase, Reporter, Run, alike, load_state, run_phase
from galaxies.ml.networks.discriminator import HeadConfig, build_discriminator
from galaxies.ml.networks.generator import Generator, build_generator
from galaxies.ml.schedules import ema_decay, hold_then_decay
from galaxies.ml.workers import ALONE, Workers


@dataclass(frozen=True)
class AdversarialSettings:
    """gamma weighs the penalties R1 and R2, applied every `lazy` steps; rates are those of Adam with beta1 = 0.

    discriminator: channels of the one that sees pixels. head_weight: of all projected heads together, beside that of
    pixels, 1; head_penalty: the share of their logits that is penalized (all and none of them were tried, too, and
    neither was seen to be better). mismatch: the weight of real images under the label of another family, which every
    head shall tell from well-labelled ones (Reed et al. 2016): little, since at 0.1 families become more typical than
    real ones. hold, end_rate: rates are full until that share of the budget, then fall to end_rate.
    head_start: steps before the generator learns. ema_images: half-life of its moving average, which grows by ema_ramp.
    measure_seconds: between two measurements of KID, of which the lowest decides what is kept.
    """

    discriminator: tuple[int, ...] = (40, 80, 128, 192)
    heads: HeadConfig = field(default_factory=HeadConfig)
    batch: int = 32
    generator_rate: float = 4e-5
    discriminator_rate: float = 1.5e-4
    beta_2: float = 0.99
    hold: float = 0.7
    end_rate: float = 0.1
    gamma: float = 0.1
    lazy: int = 12
    head_weight: float = 1.0
    head_penalty: float = 0.5
    mismatch: float = 0.03
    range_weight: float = 0.02
    range_margin: float = 0.1
    head_start: int = 300
    ema_images: int = 20_000
    ema_ramp: float = 0.05
    measure_seconds: float = 240.0
    augment: AugmentSettings = field(default_factory=AugmentSettings)


class AdversarialTrainer:
    """Generator, its moving average, discriminator and their steps; `state` is all that a checkpoint needs."""

    def __init__(
        self,
        data: LabelledImages,
        generator: Generator,
        settings: AdversarialSettings,
        seed: int = 0,
        *,
        feature_network: Encoder | None = None,
        workers: Workers = ALONE,
    ) -> None:
        self.data, self.settings, self.seed, self.workers = data, settings, seed, workers
        self.apply = partial(apply_gradients, workers=workers)
        self.generator = generator
        self.ema = build_generator(generator.config)
        self.ema.set_weights(generator.get_weights())
        self.discriminator = build_discriminator(
            generator.config, settings.discriminator, feature_network, settings.heads, workers=workers
        )
        heads = len(self.discriminator.heads)
        self.weights = tf.constant([1.0] + heads * [settings.head_weight / max(1, heads)])
        self.penalized = self.weights * tf.constant([1.0] + heads * [settings.head_penalty])
        self.g_optimizer = adam(
            settings.generator_rate, generator.trainable_variables, beta_1=0.0, beta_2=settings.beta_2
        )
        self.d_optimizer = adam(
            settings.discriminator_rate, self.discriminator.trainable_variables, beta_1=0.0, beta_2=settings.beta_2
        )
        self.state = {
            "generator": generator,
            "ema": self.ema,
            "discriminator": self.discriminator,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
        }

    def generate(self, labels: Tensor, seed: Tensor) -> Tensor:
        """Return generated images (N, R, R, 3) of the families that labels (N, k) ask for."""
        part, batch = self.workers.part, self.settings.batch
        z = part(tf.random.stateless_normal([batch, self.generator.config.z_dim], fold_in(seed, 2)))
        noise = [part(plane) for plane in noise_planes(batch, self.generator.noise_resolutions, seed)]
        return self.generator(self.generator.map(z, labels), noise)

    def discriminate(self, images: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the pixel discriminator and the feature network see of images."""
        kept = quantize_straight_through(images)
        settings = self.settings.augment
        return augment(expand_channels(kept, settings), seed, settings, self.workers), kept

    @tf.function
    def step(self, number: Tensor, rate: Tensor, decay: Tensor, train_generator: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step of both players on the same forward pass.

        Returns: the losses of the discriminator's heads (heads,), of the generator, and of the heads under mismatched
        labels (heads,).
        """
        self.g_optimizer.learning_rate.assign(rate * self.settings.generator_rate)
        self.d_optimizer.learning_rate.assign(rate * self.settings.discriminator_rate)
        key = tf.stack([self.seed, number])
        x, y = draw_batch(self.data, self.settings.batch, key)
        x, y, other = (self.workers.part(each) for each in (x, y, other_labels(y, fold_in(key, 7))))
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generate(y, key)
            labels = [y, other]
            real, mismatched = self.discriminator(*self.discriminate(x, fold_in(key, 4)), labels)
            (generated,) = self.discriminator(*self.discriminate(fake, fold_in(key, 5)), [y])
            heads, mismatch = relativistic_loss(real, generated), relativistic_loss(real, mismatched)
            d_loss = tf.reduce_sum(self.weights * (heads + self.settings.mismatch * mismatch))
            overshoot = range_penalty(fake, self.settings.range_margin)
            g_loss = tf.reduce_sum(self.weights * relativistic_loss(generated, real))
            g_loss += self.settings.range_weight * overshoot
        self.apply(self.d_optimizer, tape, d_loss, self.discriminator.trainable_variables)
        if train_generator:
            self.apply(self.g_optimizer, tape, g_loss, self.generator.trainable_variables)
            for average, weight in zip(self.ema.trainable_variables, self.generator.trainable_variables, strict=True):
                average.assign(weight + (average - weight) * decay)
        return heads, g_loss, mismatch

    @tf.function
    def regularize(self, number: Tensor) -> Tensor:
        """Apply R1 and R2 on their own, weighed for being applied only every `lazy` steps; returns their sum."""
        key = tf.stack([self.seed + 1, number])
        x, y = (self.workers.part(each) for each in draw_batch(self.data, self.settings.batch, key))
        real = self.discriminate(x, fold_in(key, 4))
        fake = self.discriminate(self.generate(y, key), fold_in(key, 5))

        def logit(*seen: Tensor) -> Tensor:
            return tf.linalg.matvec(self.discriminator(*seen, [y])[0], self.penalized)

        with tf.GradientTape() as tape:
            both = gradient_penalty(logit, *real) + gradient_penalty(logit, *fake)
            loss = both * (self.settings.gamma / 2 * self.settings.lazy)
        self.apply(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return both


def train_adversarial(
    data: LabelledImages,
    generator: Generator,
    settings: AdversarialSettings,
    budget: Budget,
    *,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    sampler: Callable[[Generator], Callable[[Path], None]] | None = None,
    measure_kid: Callable[[Generator], float] | None = None,
    feature_network: Encoder | None = None,
) -> Generator:
    """Train against a discriminator; returns the moving average of the generator as it was at its lowest KID.

    sampler: returns a function that writes a sample sheet of the generator.
    measure_kid: without one the last state is returned.
    feature_network: an encoder whose features the discriminator sees, too; never the one that evaluates.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    trainer = AdversarialTrainer(data, generator, settings, seed, feature_network=feature_network, workers=run.workers)
    best = run.checkpoint("best")
    last_penalty = 0.0

    def train(number: int) -> dict[str, Any]:
        nonlocal last_penalty
        generated = max(1, (number - settings.head_start) * settings.batch)
        decay = ema_decay(generated, settings.batch, settings.ema_images, settings.ema_ramp)
        share = budget.share_done(number * settings.batch, phase.seconds)
        rate = hold_then_decay(share, settings.hold, settings.end_rate)
        numbers = (tf.constant(v, tf.float32) for v in (rate, decay))
        heads, g_loss, mismatch = trainer.step(tf.constant(number), *numbers, number >= settings.head_start)
        if number % settings.lazy == 0:
            last_penalty = float(trainer.regularize(tf.constant(number)))
        losses = {"discriminator": heads[0], "generator": g_loss, "mismatch": tf.reduce_mean(mismatch)}
        if feature_network is not None:
            losses["heads"] = tf.reduce_mean(heads[1:])
        return {**losses, "penalty": last_penalty}

    phase = Phase(
        "adversarial",
        train,
        trainer.state,
        settings.batch,
        sample=sampler(trainer.ema) if sampler else None,
        measure=keep_lowest(trainer.ema, lambda: {"kid": measure_kid(trainer.ema)}, best) if measure_kid else None,
        measure_seconds=settings.measure_seconds,
    )
    run_phase(phase, budget, run, reporter)
    if best.exists():
        load_state(best, {"ema": trainer.ema})
    alike(trainer.ema.variables, run.workers)
    return trainer.ema
