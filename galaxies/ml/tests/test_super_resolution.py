"""The styled stage, the refinement and what both are trained against."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from galaxies.ml.bundle.inference import make_forward
from galaxies.ml.bundle.latents import LatentLayout, normals
from galaxies.ml.data import synthetic
from galaxies.ml.features.pretrained import LITE0, load_pretrained
from galaxies.ml.gan.augment import blur, is_blurred
from galaxies.ml.gan.grain import grain_code, grain_prior
from galaxies.ml.gan.monitoring import SEEN_KID
from galaxies.ml.gan.projected_heads import ProjectedHeads, RunningMoments, map_statistics, moment_distance
from galaxies.ml.gan.refinement import RefinementSettings, other_families, refine
from galaxies.ml.gan.sampling import LabelledImages
from galaxies.ml.gan.super_resolution import BaseSampler, SuperResolutionSettings, crops, random_corners, train_stage
from galaxies.ml.loop import Budget, Run
from galaxies.ml.networks.critics import DetailCritic
from galaxies.ml.networks.detail import FAINTEST, detail_statistics
from galaxies.ml.networks.generator import GeneratorConfig, build_generator
from galaxies.ml.networks.layers import to_float, upsample
from galaxies.ml.networks.styled_stage import (
    CODE_REACH,
    GrainPrior,
    StyledStage,
    StyledStageConfig,
    build_styled_stage,
    to_depth,
    to_space,
)

CONFIG = StyledStageConfig(32, factor=2, channels=8, blocks=1, top=8, latent=4, style=8, code=2)
SMALL = GeneratorConfig(3, 8, 16, (16, 12, 8))


def inputs(n: int, config: StyledStageConfig = CONFIG) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)
    images = random.uniform(-1, 1, (n, config.base, config.base, 3))
    noise, latent = random.standard_normal((n, config.resolution, config.resolution, 1)), random.standard_normal((n, 4))
    return tuple(part.astype("float32") for part in (images, noise, latent))  # type: ignore[return-value]


def stirred(config: StyledStageConfig = CONFIG) -> StyledStage:
    """A stage whose weights are all at work."""
    stage, random = build_styled_stage(config), np.random.default_rng(1)
    stage.set_weights([w + 0.3 * random.standard_normal(w.shape) for w in stage.get_weights()])
    return stage


def test_depth_and_space_undo_each_other_and_keep_squares_together() -> None:
    x = np.arange(2 * 8 * 8 * 3, dtype="float32").reshape(2, 8, 8, 3)
    assert np.array_equal(to_space(to_depth(x, 4), 4), x)
    assert np.array_equal(to_depth(x, 2), tf.nn.space_to_depth(x, 2))


@pytest.mark.parametrize("factor", [2, 4])
def test_a_stage_multiplies_the_side_and_starts_near_plain_enlargement(factor: int) -> None:
    config = StyledStageConfig(64, factor, channels=8, blocks=1, top=8, latent=4, style=8)
    images, noise, latent = inputs(2, config)
    made = np.asarray(build_styled_stage(config)(images, noise, latent))
    assert made.shape == (2, 64, 64, 3)
    assert np.corrcoef(made.ravel(), np.asarray(upsample(images, factor)).ravel())[0, 1] > 0.5


def test_noise_latent_and_the_whole_image_reach_the_output() -> None:
    stage, (images, noise, latent) = stirred(), inputs(2)
    made = stage(images, noise, latent)
    assert not np.allclose(made, stage(images, noise * 2, latent), atol=1e-3)
    assert not np.allclose(made, stage(images, noise, latent * 2), atol=1e-3)
    corner = images.copy()
    corner[:, :4, :4] += 1
    assert not np.allclose(stage.style(images, latent), stage.style(corner, latent), atol=1e-4)


def test_an_image_does_not_depend_on_its_batch() -> None:
    stage, (images, noise, latent) = stirred(), inputs(3)
    assert np.allclose(stage(images, noise, latent)[1:2], stage(images[1:2], noise[1:2], latent[1:2]), atol=1e-4)


def test_the_critic_has_a_logit_for_each_patch_and_sees_faint_detail() -> None:
    critic, random = DetailCritic((32, 48), 16.0), np.random.default_rng(0)
    images = np.full((2, 32, 32, 3), -0.9, "float32")
    faint = random.normal(0, 0.01, images.shape).astype("float32")
    logits = critic(images)
    assert len(logits.shape) == 3
    assert np.abs(critic(images + faint) - logits).max() > 3 * np.abs(critic(images + 0.01) - logits).max()


def test_moments_follow_the_images_and_gradients_pass_whatever_the_memory() -> None:
    moments, random = RunningMoments(2, 3), np.random.default_rng(0)
    for _ in range(200):
        seen = tf.constant(random.normal([1, 2, 3], [1, 2, 0.5], (16, 3)), tf.float32)
        mean, deviation = moments.update(0, seen, 800)
    assert np.allclose(mean, [1, 2, 3], atol=0.4)
    assert np.allclose(deviation, [1, 2, 0.5], rtol=0.15)
    assert not np.any(moments.mean[1])
    with tf.GradientTape() as tape:
        tape.watch(seen)
        total = tf.reduce_sum(moments.update(0, seen, 800)[0])
    assert np.allclose(tape.gradient(total, seen), 1 / 16)


def test_moment_distance_is_zero_where_moments_agree() -> None:
    real = (tf.constant([1.0, 2.0]), tf.constant([0.5, 3.0]))
    assert float(moment_distance(real, real)) == 0
    assert float(moment_distance(real, (real[0], real[1] * 2))) == pytest.approx(np.log(2) ** 2)
    assert float(moment_distance(real, (real[0] + real[1], real[1]))) == pytest.approx(1)


def test_a_map_statistics_tells_sharp_from_soft_images() -> None:
    random = np.random.default_rng(0)
    sharp = tf.constant(random.normal(0, 0.2, (4, 64, 64, 3)), tf.float32)
    heads = ProjectedHeads(load_pretrained(LITE0), 64)
    maps = heads.maps(sharp)
    statistics = map_statistics(maps), map_statistics(heads.maps(upsample(sharp[:, ::2, ::2], 2)))
    assert statistics[0].shape == (4, 2 * sum(m.shape[-1] for m in maps)) == (4, heads.statistics)
    assert float(tf.reduce_mean(tf.abs(statistics[0] - statistics[1]))) > 0.1


def test_one_head_looks_at_whole_images_and_at_their_family() -> None:
    network, images = load_pretrained(LITE0), tf.constant(inputs(2)[1] * np.ones((1, 1, 1, 3), "float32"))
    heads = ProjectedHeads(network, images.shape[1], families=3, pooled=True)
    *maps, pooled = heads.maps(images)
    assert [m.shape for m in maps] == [m.shape for m in network.maps(images)]
    np.testing.assert_allclose(pooled, np.log(network.pooled(images) + 0.01), rtol=1e-4, atol=1e-4)
    first, second = (heads([*maps, pooled], tf.one_hot([family] * 2, 3))[-1] for family in (0, 1))
    assert first.shape == (2, 1)
    assert np.abs(first - second).min() > 0
    assert heads.statistics == 2 * sum(m.shape[-1] for m in maps) + pooled.shape[-1]


def test_some_images_of_a_batch_are_blurred_and_the_others_are_not() -> None:
    images = tf.random.stateless_normal([5, 16, 16, 3], (0, 1))
    which = is_blurred(5, 2)
    assert which.numpy().tolist() == [False, True, False, True, False]
    seen = blur(images, which)
    np.testing.assert_allclose(seen[::2], images[::2])
    assert float(tf.math.reduce_std(seen[1::2])) < 0.5 * float(tf.math.reduce_std(images[1::2]))
    np.testing.assert_allclose(blur(tf.ones([1, 16, 16, 3]), tf.constant([True])), 1, rtol=1e-6)


def test_detail_statistics_are_the_strength_of_fine_detail_by_colour_and_scale() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.1, (2, 64, 64, 1)).astype("float32")
    grey, red = np.repeat(noise, 3, axis=3), noise * np.array([1, 0, 0], "float32")
    found = [
        detail_statistics(tf.constant(x)).numpy().reshape(2, 2, 2, 2, 3)[:, :, :, 0] for x in (grey, 2 * grey, red)
    ]  # N, octave, kind, colour, all of it bright
    assert np.allclose(found[1][..., 0] - found[0][..., 0], np.log(2), atol=0.02)
    assert np.allclose(found[0][..., 1:], 0.5 * np.log(FAINTEST))  # no colour
    assert np.allclose(found[2][:, 0, :, 1], np.log(0.1), atol=0.05)
    assert np.allclose(found[0][:, 1] - found[0][:, 0], [-np.log(2), 0, 0], atol=0.1)  # white noise, averaged


def test_detail_of_what_is_bright_and_of_what_is_faint_are_told_apart() -> None:
    noise = np.random.default_rng(0).normal(0, 1, (1, 64, 64, 1)).astype("float32")
    image = np.concatenate([0.5 + 0.1 * noise[:, :, :16], -0.9 + 0.02 * noise[:, :, 16:]], axis=2)
    found = detail_statistics(tf.constant(np.repeat(image, 3, axis=3))).numpy().reshape(2, 2, 2, 3)[..., 0]
    assert np.allclose(found[0], [[np.log(0.1), np.log(0.02)]] * 2, atol=0.1)  # octave, kind, part: the finest


def test_the_code_of_grain_is_standard_normal_over_images_and_tells_strong_from_weak() -> None:
    random = np.random.default_rng(0)
    strength = random.uniform(1, 12, (300, 1, 1, 1))
    images = np.clip(128 + strength * random.standard_normal((300, 32, 32, 3)), 0, 255).astype(np.uint8)
    code = grain_code(images, 2)
    found = code(to_float(tf.constant(images))).numpy()
    assert found.shape == (300, 2)
    assert np.allclose(found.mean(axis=0), 0, atol=1e-3)
    assert np.allclose(np.cov(found.T), np.eye(2), atol=0.02)
    assert np.corrcoef(found[:, 0], np.log(strength.ravel()))[0, 1] < -0.95
    odd = code(tf.constant(np.random.default_rng(1).choice([-1.0, 1.0], (1, 32, 32, 3)), tf.float32)).numpy()
    assert np.abs(odd).max() == CODE_REACH


def test_a_code_of_grain_means_the_same_whichever_images_it_was_made_of() -> None:
    """A stage that learns on has learned one sign of each axis."""
    random = np.random.default_rng(0)
    strength = random.uniform(1, 12, (300, 1, 1, 1))
    images = np.clip(128 + strength * random.standard_normal((300, 32, 32, 3)), 0, 255).astype(np.uint8)
    codes = [grain_code(images[random.permutation(300)[:150]], 1) for _ in range(12)]
    found = np.concatenate([code(to_float(tf.constant(images[:64]))).numpy() for code in codes], axis=1)
    assert np.corrcoef(found.T).min() > 0.95


def test_a_prior_gives_small_images_the_codes_that_such_images_have_and_leaves_open_what_they_do_not_tell() -> None:
    random = np.random.default_rng(0)
    strength = random.uniform(1, 12, (400, 2, 1, 1, 1))  # of grain that the small image keeps, and of the finest
    coarse = upsample(tf.constant(random.standard_normal((400, 16, 16, 3)), tf.float32), 4)
    noise = strength[:, 0] * coarse.numpy() + strength[:, 1] * random.standard_normal((400, 64, 64, 3))
    images = np.clip(128 + noise, 0, 255).astype(np.uint8)
    code = grain_code(images[:300], 2)
    prior = GrainPrior(2)
    small = tf.nn.avg_pool2d(to_float(tf.constant(images[300:])), 4, 4, "VALID")
    prior(small, tf.zeros([100, 4]))
    fainter = (tf.nn.avg_pool2d(to_float(tf.constant(images[:300])), 4, 4, "VALID") / 2,)
    prior.set_weights(grain_prior(images[:300], code, 4, fainter))
    small /= 2  # a generator that paints half of the grain asks for as much as there is
    normal = tf.constant(random.standard_normal((100, 4)), tf.float32)
    real, found = code(to_float(tf.constant(images[300:]))).numpy(), prior(small, normal).numpy()
    told = prior(small, tf.zeros([100, 4])).numpy()[:, :2]
    assert np.array_equal(found[:, 2:], normal[:, 2:])
    assert np.allclose(np.cov(found[:, :2].T), np.cov(real.T), atol=0.35)
    assert 0.2 < ((real - told) ** 2).sum() / ((real - real.mean(axis=0)) ** 2).sum() < 0.8
    assert np.allclose(np.cov((found[:, :2] - told).T), np.cov((real - told).T), atol=0.3)


def test_another_family_is_never_the_same() -> None:
    labels = tf.one_hot(np.arange(60) % 3, 3)
    shifts = {tuple(np.argmax(other_families(labels, [0, i]), axis=1)[:3]) for i in range(20)}
    assert shifts == {(1, 2, 0), (2, 0, 1)}


def test_the_mixing_of_heads_is_fixed_and_labels_count() -> None:
    heads = ProjectedHeads(load_pretrained(LITE0), 32, families=3)
    assert not any(w is head.mixing.kernel for w in heads.trainable_variables for head in heads.heads)
    maps = heads.maps(inputs(2)[1] * np.ones((1, 1, 1, 3), "float32"))
    one, other = (heads(maps, tf.one_hot([label, label], 3)) for label in (0, 1))
    assert all(not np.allclose(a, b) for a, b in zip(one, other, strict=True))


def test_crops_lie_inside_the_image() -> None:
    rows, columns = np.mgrid[:64, :64].astype("float32")
    image = np.tile(np.stack([rows, columns, rows], axis=-1), (200, 1, 1, 1))
    corner = random_corners(200, 32, [0, 1])
    cut = np.asarray(crops(image, corner, 32))
    assert cut.shape == (200, 32, 32, 3)
    assert np.array_equal(cut[:, 0, 0, :2], corner)
    assert np.array_equal(cut[:, -1, -1, 0], np.asarray(corner)[:, 0] + 31)
    assert int(tf.reduce_min(corner)) == 0
    assert int(tf.reduce_max(corner)) == 32


@pytest.mark.slow
def test_a_stage_learns_detail_that_plain_enlargement_lacks_and_goes_on(tmp_path: Path) -> None:
    big, labels = synthetic.draw(64, 32, seed=6)[0], np.arange(64) % 3
    settings = SuperResolutionSettings(crop=16, batch=8, ema_images=50)
    sampler, run = BaseSampler(build_generator(SMALL), labels), Run(tmp_path)
    for seen in (400, 800):
        stage = train_stage(
            big, sampler, CONFIG, Budget(images=seen), run=run, reporter=lambda report: None, settings=settings
        )
    assert run.checkpoint("stage_32").exists()
    real = to_float(big)
    low = tf.nn.avg_pool2d(real, 2, 2, "VALID")
    made = stage(low, *inputs(64)[1:])

    def detail(images: Any) -> float:
        return float(tf.math.reduce_std(images - upsample(low, 2)))

    assert detail(made) > 0.3 * detail(real)


def test_a_stage_that_goes_on_is_kept_as_it_began_where_that_was_best(tmp_path: Path) -> None:
    big, labels = synthetic.draw(16, 32, seed=6)[0], np.arange(16) % 3
    settings = SuperResolutionSettings(crop=16, batch=8, ema_images=1, head_start=0, measure_seconds=3600)
    begin, kids = build_styled_stage(CONFIG), iter([2.0, 3.0])
    before = [np.array(w) for w in begin.layers[0].get_weights()]
    stage = train_stage(
        big,
        BaseSampler(build_generator(SMALL), labels),
        CONFIG,
        Budget(images=16),
        run=Run(tmp_path),
        reporter=lambda report: None,
        settings=settings,
        begin=begin,
        meter_of=lambda stage: lambda: {SEEN_KID: next(kids)},
    )
    assert next(kids, None) is None
    assert all((a == b).all() for a, b in zip(before, stage.layers[0].get_weights(), strict=True))
    assert any((a != b).any() for a, b in zip(before, begin.layers[0].get_weights(), strict=True))


@pytest.mark.slow
def test_the_refinement_goes_on_from_a_generator_with_small_steps(tmp_path: Path) -> None:
    images, generator = synthetic.draw(64, 16, seed=6)[0], build_generator(SMALL)
    before = [np.array(w) for w in generator.get_weights()]
    settings = RefinementSettings(batch=8, head_start=2, kept=0.5)
    data = LabelledImages(images, np.arange(64) % 3, 3)
    refined = refine(data, generator, settings, Budget(images=64), run=Run(tmp_path), reporter=lambda report: None)
    moved = [np.abs(a - b).max() for a, b in zip(refined.get_weights(), before, strict=True)]
    assert 0 < max(moved) <= 6 * settings.rate * 10
    whole = refine(
        data,
        _with_weights(before),
        replace(settings, kept=1.0),
        Budget(images=64),
        run=Run(tmp_path),
        reporter=lambda report: None,
    )
    halves = zip(before, whole.get_weights(), refined.get_weights(), strict=True)
    assert all(np.allclose((a + b) / 2, half, atol=1e-7) for a, b, half in halves)


def _with_weights(weights: list[Any]) -> Any:
    generator = build_generator(SMALL)
    generator.set_weights(weights)
    return generator


def test_the_style_comes_from_the_normals_after_all_others() -> None:
    generator, stage = build_generator(SMALL), stirred()
    forward, layout = make_forward(generator, [stage])
    assert layout == LatentLayout(8, (*generator.noise_resolutions, 32), 4)
    drawn = np.stack([normals(seed, layout.count) for seed in (1, 2)])
    z, noise, style = layout.deal(drawn)
    assert np.array_equal(style, drawn[:, -4:])
    labels, psi = np.eye(3, dtype="float32")[[0, 1]], np.ones((2, 1), "float32")
    images = forward(z, labels, psi, noise, style).numpy()
    assert images.shape == (2, 32, 32, 3)
    assert not np.array_equal(images, forward(z, labels, psi, noise, style[::-1]).numpy())
