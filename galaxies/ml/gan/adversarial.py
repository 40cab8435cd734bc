"""The adversarial loop and its warm start.

    generator = warm_start(data, config, Budget(minutes=5), run, print)
    train_adversarial(data, generator, settings, Budget(images=1_000_000), run, print)

Losses: conditional VAE (Kingma & Welling 2014) for the warm start; relativistic pairing logistic loss with R1 and R2
applied lazily (Huang et al. 2024, R3GAN; Karras et al. 2020) and differentiable augmentation (Zhao et al. 2020) after.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from galaxies.ml.features.encoder import Encoder
from galaxies.ml.gan.augment import diff_augment, look
from galaxies.ml.gan.batches import Conditioned, draw_batch, fold_in, noise_planes
from galaxies.ml.gan.losses import apply, as_file, other_labels, overshoot, penalty
from galaxies.ml.loop import Budget, Phase, Reporter, Run, load_state, read_header, run_phase, write_arrays
from galaxies.ml.networks.discriminator import build_discriminator
from galaxies.ml.networks.generator import Generator, build_generator

Sampler = Callable[[Path], None]


@dataclass(frozen=True)
class AdversarialSettings:
    """gamma weighs the penalties R1 and R2, applied every `lazy` steps; rates are those of Adam with beta1 = 0.

    eyes: the weight of the judges that look through an encoder, beside that of pixels, 1. mismatch: that of real images
    under the name of another family, which all judges shall tell from well-named ones (Reed et al. 2016): little, since
    at 0.1 families become more typical than real ones.
    """

    discriminator: tuple[int, ...] = (40, 80, 128, 192)
    batch: int = 32
    generator_rate: float = 4e-5
    discriminator_rate: float = 1.5e-4
    gamma: float = 0.1
    eyes: float = 1.0
    mismatch: float = 0.03
    lazy: int = 12
    head_start: int = 300
    ema_images: int = 20_000
    ema_ramp: float = 0.05
    translation: float = 0.0625
    cutout: float = 0.3


FULL_RATES = 0.7  # the share of the budget after which rates fall to a tenth
EYES_PENALIZED = 0.5  # of their logits; all and none of them were tried, too, and neither was seen to be better
OVERSHOOT = 0.02


class Adversary:
    """Generator, its moving average, discriminator and their steps; `state` is all that a checkpoint needs."""

    def __init__(
        self,
        data: Conditioned,
        generator: Generator,
        settings: AdversarialSettings,
        seed: int,
        eyes: Encoder | None = None,
    ) -> None:
        self.settings, self.seed, self.weights = settings, seed, data.weights
        self.images, self.clusters = tf.constant(data.images), tf.constant(data.clusters)
        self.generator = generator
        self.ema = build_generator(generator.config)
        self.ema.set_weights(generator.get_weights())
        self.discriminator = build_discriminator(generator.config, settings.discriminator, eyes)
        heads = len(self.discriminator.heads)
        self.shares = tf.constant([1.0] + heads * [settings.eyes / max(1, heads)])
        self.penalized = self.shares * tf.constant([1.0] + heads * [EYES_PENALIZED])
        self.g_optimizer = keras.optimizers.Adam(settings.generator_rate, beta_1=0.0, beta_2=0.99)
        self.d_optimizer = keras.optimizers.Adam(settings.discriminator_rate, beta_1=0.0, beta_2=0.99)
        self.g_optimizer.build(generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)
        self.state = {
            "generator": generator,
            "ema": self.ema,
            "discriminator": self.discriminator,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
        }

    def _batch(self, key: Any) -> tuple[Any, Any, Any, Any]:
        config, n = self.generator.config, self.settings.batch
        x, y = draw_batch(self.images, self.clusters, config.n_clusters, n, key, self.weights)
        z = tf.random.stateless_normal([n, config.z_dim], fold_in(key, 2))
        return x, y, z, noise_planes(n, self.generator.noise_resolutions, key)

    def _see(self, images: Any, key: Any) -> tuple[Any, Any]:
        """What the judge of pixels sees, and what the eyes see."""
        seen, settings = as_file(images), self.settings
        looks = diff_augment(look(seen), key, settings.translation, settings.cutout)
        return looks, seen

    def _beats(self, better: Any, worse: Any) -> Any:
        """Relativistic loss of every judge (judges,): how far `worse` is from being told from `better`."""
        return tf.reduce_mean(tf.nn.softplus(worse - better), axis=0)

    def _penalty(self, seen: tuple[Any, Any], labels: Any) -> Any:
        def logit(*images: Any) -> Any:
            return tf.linalg.matvec(self.discriminator(*images, [labels])[0], self.penalized)

        return penalty(logit, *seen)

    @tf.function
    def step(self, number: Any, rate: Any, ema_decay: Any, train_generator: bool) -> Any:
        """One step of both players on the same forward pass; returns the losses of judges (judges,), generator and of
        judges under wrong names (judges,)."""
        self.g_optimizer.learning_rate.assign(rate * self.settings.generator_rate)
        self.d_optimizer.learning_rate.assign(rate * self.settings.discriminator_rate)
        key = tf.stack([self.seed, number])
        x, y, z, noise = self._batch(key)
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(self.generator.map(z, y), noise)
            names = [y, other_labels(y, fold_in(key, 7))]
            real, real_misnamed = self.discriminator(*self._see(x, fold_in(key, 4)), names)
            (made,) = self.discriminator(*self._see(fake, fold_in(key, 5)), [y])
            judges, misnamed = self._beats(real, made), self._beats(real, real_misnamed)
            d_loss = tf.reduce_sum(self.shares * (judges + self.settings.mismatch * misnamed))
            g_loss = tf.reduce_sum(self.shares * self._beats(made, real)) + OVERSHOOT * overshoot(fake)
        apply(self.d_optimizer, tape, d_loss, self.discriminator.trainable_variables)
        if train_generator:
            apply(self.g_optimizer, tape, g_loss, self.generator.trainable_variables)
            for average, weight in zip(self.ema.trainable_variables, self.generator.trainable_variables, strict=True):
                average.assign(weight + (average - weight) * ema_decay)
        return judges, g_loss, misnamed

    @tf.function
    def regularize(self, number: Any) -> Any:
        """R1 and R2 on their own, weighed for being applied only every `lazy` steps; returns their sum."""
        key = tf.stack([self.seed + 1, number])
        x, y, z, noise = self._batch(key)
        fake = self.generator(self.generator.map(z, y), noise)
        x, fake = self._see(x, fold_in(key, 4)), self._see(fake, fold_in(key, 5))
        with tf.GradientTape() as tape:
            both = self._penalty(x, y) + self._penalty(fake, y)
            loss = both * (self.settings.gamma / 2 * self.settings.lazy)
        apply(self.d_optimizer, tape, loss, self.discriminator.trainable_variables)
        return both


def train_adversarial(
    data: Conditioned,
    generator: Generator,
    settings: AdversarialSettings,
    budget: Budget,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    sampler: Callable[[Generator], Sampler] | None = None,
    judge: Callable[[Generator], float] | None = None,
    eyes: Encoder | None = None,
) -> Generator:
    """Train against a discriminator; returns the moving average of the generator as it was when `judge` liked it best.

    judge: generator -> KID, lower is better; without one the last state is returned.
    eyes: an encoder whose features the discriminator sees, too; never the one that judges.
    Raises: Stopped, TrainingError (galaxies.ml.loop).
    """
    adversary = Adversary(data, generator, settings, seed, eyes)
    last_penalty = 0.0

    def train(number: int) -> dict[str, Any]:
        nonlocal last_penalty
        seen = max(1, (number - settings.head_start) * settings.batch)
        half_life = min(settings.ema_images, settings.ema_ramp * seen)
        decay = 0.5 ** (settings.batch / max(half_life, 1e-8))
        share = budget.share_done(number * settings.batch, phase.seconds)
        falling = max(0.0, share - FULL_RATES) / (1 - FULL_RATES)
        rate = 0.55 + 0.45 * np.cos(np.pi * falling)
        numbers = (tf.constant(v, tf.float32) for v in (rate, decay))
        judges, g_loss, misnamed = adversary.step(tf.constant(number), *numbers, number >= settings.head_start)
        if number % settings.lazy == 0:
            last_penalty = float(adversary.regularize(tf.constant(number)))
        losses = {"discriminator": judges[0], "generator": g_loss, "misnamed": tf.reduce_mean(misnamed)}
        if eyes is not None:
            losses["eyes"] = tf.reduce_mean(judges[1:])
        return {**losses, "penalty": last_penalty}

    best = run.checkpoint("best")

    def measure(images: int) -> dict[str, float]:
        kid = judge(adversary.ema) if judge else 0.0
        if not best.exists() or kid < read_header(best)["kid"]:
            weights = {f"ema/{i}": w for i, w in enumerate(adversary.ema.get_weights())}
            write_arrays(best, {"header": np.array(json.dumps({"kid": kid, "images": images})), **weights})
        return {"kid": kid}

    shown = sampler(adversary.ema) if sampler else None
    phase = Phase("adversarial", train, adversary.state, settings.batch, shown, measure if judge else None)
    run_phase(phase, budget, run, reporter)
    if best.exists():
        load_state(best, {"ema": adversary.ema})
    return adversary.ema
