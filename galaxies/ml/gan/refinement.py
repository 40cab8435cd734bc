"""The refinement: a trained generator learns on against heads that see ImageNet features.

    generator = refine(data, generator, RefinementSettings(), Budget(images=200_000), run=run, reporter=print)

Small sets restart badly, so it goes on from a trained generator, with small steps. Heads see images enlarged, since the
network that they see through has learned from larger ones; they and the generator know the family of each image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from galaxies.ml.arrays import Tensor
from galaxies.ml.features.pretrained import LITE0, load_pretrained
from galaxies.ml.gan.augment import blur, is_blurred
from galaxies.ml.gan.losses import quantize_straight_through, range_penalty
from galaxies.ml.gan.optimizers import adam, apply_gradients
from galaxies.ml.gan.projected_heads import (
    ProjectedHeads,
    RunningMoments,
    map_statistics,
    mean_square,
    moment_distance,
    relativistic_losses,
)
from galaxies.ml.gan.sampling import LabelledImages, draw_batch, fold_in, noise_planes
from galaxies.ml.loop import Budget, Phase, Reporter, Run, run_phase
from galaxies.ml.networks.detail import DETAIL_STATISTICS, detail_statistics
from galaxies.ml.networks.generator import Generator, build_generator
from galaxies.ml.networks.layers import upsample
from galaxies.ml.schedules import ema_decay, linear_decay
from galaxies.ml.workers import ALONE, Workers

REAL, GENERATED = range(2)  # the kinds of images whose moments are kept


@dataclass(frozen=True)
class RefinementSettings:
    """enlarge: how many times images are enlarged for the heads. rates are those of Adam with beta1 = 0.

    blur_every: each so-many-th image of a batch is blurred for the heads by a binomial of 7 px, and counts for no
    moments; else the finest grain, which is easiest told from a real one, is all that they look at.
    wrong_family: the weight with which heads tell real images from the same under another family's name, which keeps
    families apart. logits: that of the heads' squared logits; moments: of running mean and standard deviation of their
    features, over `memory` images; grain: of those of the strength of fine detail, from which a stage takes an image's
    grain, over `grain_memory`. Heads learn `head_start` steps before the generator does. ema_images: half-life of the
    generator's moving average, which grows by ema_ramp. kept: the share of the refined weights in what is returned;
    the rest are those that it began with, which know form and families better (Wortsman et al. 2022, WiSE-FT).
    """

    enlarge: int = 2
    blur_every: int = 2
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 3e-4
    end_rate: float = 0.01
    beta_2: float = 0.99
    wrong_family: float = 0.2
    logits: float = 1e-3
    moments: float = 1.0
    memory: int = 2000
    grain: float = 0.5
    grain_memory: int = 500
    range_weight: float = 0.02
    range_margin: float = 0.1
    head_start: int = 60
    ema_images: int = 10_000
    ema_ramp: float = 0.1
    kept: float = 0.5


class RefinementTrainer:
    """Generator, its moving average, heads and their steps; `state` is all that a checkpoint needs."""

    def __init__(
        self,
        data: LabelledImages,
        generator: Generator,
        settings: RefinementSettings,
        seed: int = 0,
        *,
        workers: Workers = ALONE,
    ) -> None:
        self.data, self.settings, self.seed, self.workers = data, settings, seed, workers
        self.apply = partial(apply_gradients, workers=workers)
        self.generator = generator
        self.ema = build_generator(generator.config)
        self.ema.set_weights(generator.get_weights())
        config = generator.config
        side = config.resolution * settings.enlarge
        self.heads = ProjectedHeads(load_pretrained(LITE0), side, config.n_clusters, pooled=True)
        self.moments = RunningMoments(2, self.heads.statistics, workers)
        self.grain = RunningMoments(2, DETAIL_STATISTICS, workers)
        self.g_optimizer = adam(settings.rate, generator.trainable_variables, beta_1=0.0, beta_2=settings.beta_2)
        self.d_optimizer = adam(settings.head_rate, self.heads.trainable_variables, beta_1=0.0, beta_2=settings.beta_2)
        self.state = {
            "generator": generator,
            "ema": self.ema,
            "heads": self.heads,
            "moments": self.moments,
            "grain": self.grain,
            "g_optimizer": self.g_optimizer,
            "d_optimizer": self.d_optimizer,
        }

    def _maps(self, images: Tensor) -> list[Tensor]:
        seen = blur(quantize_straight_through(images), is_blurred(tf.shape(images)[0], self.settings.blur_every))
        return self.heads.maps(upsample(seen, self.settings.enlarge))

    def _moments(self, kind: int, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        sharp = ~is_blurred(tf.shape(maps[0])[0], self.settings.blur_every)
        statistics = map_statistics([tf.boolean_mask(m, sharp) for m in maps])
        return self.moments.update(kind, statistics, self.settings.memory)

    @tf.function
    def step(self, number: Tensor, rate: Tensor, decay: Tensor, train_generator: bool) -> dict[str, Tensor]:
        """Take one step of both players; returns losses by name."""
        settings, key = self.settings, tf.stack([self.seed, number])
        self.g_optimizer.learning_rate.assign(rate * settings.rate)
        self.d_optimizer.learning_rate.assign(rate * settings.head_rate)
        part = self.workers.part
        x, y = (part(each) for each in draw_batch(self.data, settings.batch, key))
        z = part(tf.random.stateless_normal([settings.batch, self.generator.config.z_dim], fold_in(key, 2)))
        noise = [part(plane) for plane in noise_planes(settings.batch, self.generator.noise_resolutions, key)]
        real_maps = self._maps(x)
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(self.generator.map(z, y), noise)
            fake_maps = self._maps(fake)
            real_logits, fake_logits = self.heads(real_maps, y), self.heads(fake_maps, y)
            misnamed_logits = self.heads(real_maps, other_families(y, fold_in(key, 3)))
            moments = moment_distance(self._moments(REAL, real_maps), self._moments(GENERATED, fake_maps))
            grain = moment_distance(
                self.grain.update(REAL, detail_statistics(x), settings.grain_memory),
                self.grain.update(GENERATED, detail_statistics(quantize_straight_through(fake)), settings.grain_memory),
            )
            generator = tf.reduce_mean(relativistic_losses(fake_logits, real_logits))
            heads = tf.reduce_mean(relativistic_losses(real_logits, fake_logits))
            g_loss = generator + settings.moments * moments + settings.grain * grain
            g_loss += settings.range_weight * range_penalty(fake, settings.range_margin)
            names = tf.reduce_mean(relativistic_losses(real_logits, misnamed_logits))
            d_loss = heads + settings.wrong_family * names
            d_loss += settings.logits * (mean_square(real_logits) + mean_square(fake_logits))
        self.apply(self.d_optimizer, tape, d_loss, self.heads.trainable_variables)
        if train_generator:
            self.apply(self.g_optimizer, tape, g_loss, self.generator.trainable_variables)
            for average, weight in zip(self.ema.trainable_variables, self.generator.trainable_variables, strict=True):
                average.assign(weight + (average - weight) * decay)
        return {"generator": generator, "heads": heads, "names": names, "moments": moments, "grain": grain}


def other_families(labels: Tensor, key: Tensor) -> Tensor:
    """Return one-hot labels (N, k), k > 1, each of another family than before."""
    k = labels.shape[1]
    return tf.roll(labels, tf.random.stateless_uniform([], key, 1, k, tf.int32), axis=1)


def refine(
    data: LabelledImages,
    generator: Generator,
    settings: RefinementSettings,
    budget: Budget,
    *,
    run: Run,
    reporter: Reporter,
    seed: int = 0,
    sampler: Callable[[Generator], Callable[[Path], None]] | None = None,
    measure_kid: Callable[[Generator], float] | None = None,
) -> Generator:
    """Return the moving average of a generator that goes on from `generator`, mixed with that.

    sampler: returns a function that writes a sample sheet; measure_kid: for the log alone.
    Raises: Stopped, TrainingError (galaxies.ml.loop), PretrainedError.
    """
    begun = [np.array(weights) for weights in generator.get_weights()]
    trainer = RefinementTrainer(data, generator, settings, seed, workers=run.workers)

    def train(number: int) -> dict[str, Any]:
        generated = max(1, (number - settings.head_start) * settings.batch)
        decay = ema_decay(generated, settings.batch, settings.ema_images, settings.ema_ramp)
        rate = linear_decay(budget.share_done(number * settings.batch, phase.seconds), settings.end_rate)
        numbers = (tf.constant(v, tf.float32) for v in (rate, decay))
        losses: dict[str, Any] = trainer.step(tf.constant(number), *numbers, number >= settings.head_start)
        return losses

    phase = Phase(
        "refinement",
        train,
        trainer.state,
        settings.batch,
        sample=sampler(trainer.ema) if sampler else None,
        measure=(lambda images: {"kid": measure_kid(trainer.ema)}) if measure_kid else None,
    )
    run_phase(phase, budget, run, reporter)
    refined = zip(begun, trainer.ema.get_weights(), strict=True)
    trainer.ema.set_weights([before + settings.kept * (after - before) for before, after in refined])
    return trainer.ema
