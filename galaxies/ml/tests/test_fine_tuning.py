"""Going on from the tiny bundle: its families stay, its generator learns on."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from galaxies.ml.bundle import Bundle, load_bundle, read_manifest, verify
from galaxies.ml.bundle.writer import Provenance, write_bundle
from galaxies.ml.data.synthetic import dataset
from galaxies.ml.fine_tuning import check_compatible, load_starting_model
from galaxies.ml.loop import Run, TrainingError
from galaxies.ml.networks.styled_stage import StyledStage, build_styled_stage
from galaxies.ml.pipeline import train
from galaxies.ml.presets import PRESETS, with_resolution


@pytest.mark.slow
def test_a_model_goes_on_learning_and_keeps_its_families(tiny_bundle: Path, tmp_path: Path) -> None:
    old = Bundle(tiny_bundle, verify(tiny_bundle))
    starting_model = load_starting_model(old)
    begun = [np.array(weights) for weights in starting_model.generator.get_weights()]
    gan = replace(PRESETS["tiny"].adversarial, range_weight=0.03)
    settings = replace(
        PRESETS["tiny"], adversarial=gan, adversarial_images=160, refinement_images=32, stage_images=32, minutes=75
    )
    settings = starting_model.adapt(settings)
    assert settings.budget(1, 0.55).minutes == pytest.approx(75 * 0.55 / 0.8)  # the time of what is left out, too
    data, run = dataset(600, 32, seed=3), Run(tmp_path / "run")
    reported = []
    trained = train(data, settings, run, lambda report: reported.append(report.phase), starting_model=starting_model)
    assert not any(run.checkpoint(name).exists() for name in ("encoder", "warm_start", "clusters"))
    assert "warm_start" not in reported

    path = write_bundle(trained, tmp_path / "newer", Provenance(data, asdict(settings), run, credit=""))
    new = load_bundle(path)
    assert set(new.manifest["training"]["phases"]) == {"feature_network", "adversarial", "refinement", "stage_32"}
    recorded = new.manifest["training"]["settings"]
    assert recorded["started_from"] == old.version
    assert recorded["adversarial"]["range_weight"] == 0.03
    assert recorded == json.loads(json.dumps(asdict(settings)))
    assert f"the weights of {old.version}" in (path / "MODEL_CARD.md").read_text()
    for file in ("encoder.npz", "clusters.npz"):
        assert new.manifest["files"][file] == old.manifest["files"][file]  # what was learned of its families holds
    assert [choice["k"] for choice in new.manifest["clustering"]["choices"]]
    moved = [np.abs(a - b).max() for a, b in zip(trained.generator.get_weights(), begun, strict=True)]
    assert 0 < max(moved[:4]) < 0.05  # 6 steps at 4e-5 from where it was, not from anywhere


@pytest.mark.slow
def test_a_kept_generator_stays_and_its_stage_learns_on(tiny_bundle: Path, tmp_path: Path) -> None:
    starting_model = load_starting_model(Bundle(tiny_bundle, verify(tiny_bundle)))
    generator = starting_model.generator
    kept = [np.array(weights) for weights in generator.get_weights()]
    stage = [np.array(weights) for weights in starting_model.stages[0].get_weights()]
    settings = starting_model.adapt(replace(PRESETS["tiny"], start_at="stage", stage_images=160, minutes=30))
    assert settings.budget(1, settings.shares.super_resolution).minutes == pytest.approx(30)  # all of the time
    data, run = dataset(600, 32, seed=3), Run(tmp_path / "run")
    phases: set[str] = set()
    trained = train(data, settings, run, lambda report: phases.add(report.phase), starting_model=starting_model)
    assert phases == {"features", "stage_32"}
    assert trained.generator is generator
    assert all((a == b).all() for a, b in zip(generator.get_weights(), kept, strict=True))
    assert any((a != b).any() for a, b in zip(trained.stages[0].get_weights(), stage, strict=True))
    assert list(run.folder.glob("samples/stage_32-*.png"))


@pytest.mark.slow
def test_a_training_may_start_at_the_refinement(tiny_bundle: Path, tmp_path: Path) -> None:
    starting_model = load_starting_model(Bundle(tiny_bundle, verify(tiny_bundle)))
    begun = [np.array(weights) for weights in starting_model.generator.get_weights()]
    settings = replace(PRESETS["tiny"], start_at="refinement", refinement_images=192, stage_images=64)
    phases: set[str] = set()
    trained = train(
        dataset(600, 32, seed=3),
        starting_model.adapt(settings),
        Run(tmp_path / "run"),
        lambda report: phases.add(report.phase),
        starting_model=starting_model,
    )
    assert phases == {"features", "refinement", "stage_32"}
    assert 0 < max(np.abs(a - b).max() for a, b in zip(trained.generator.get_weights()[:4], begun, strict=False)) < 0.05


def test_a_stage_from_before_the_code_of_grain_is_gone_on_with(tiny_bundle: Path) -> None:
    starting_model, config = load_starting_model(Bundle(tiny_bundle, verify(tiny_bundle))), PRESETS["tiny"].stage
    assert config
    older = build_styled_stage(replace(config, code=0))
    begun = replace(starting_model, stages=(older,)).stage(config)
    assert begun
    assert all((a == b).all() for a, b in zip(begun.get_weights(), older.get_weights(), strict=False))
    assert len(begun.get_weights()) == len(older.get_weights()) + 3
    random = np.random.default_rng(0)
    images, noise, latent = (
        random.standard_normal(shape).astype(np.float32)
        for shape in (
            (2, config.base, config.base, 3),
            (2, config.resolution, config.resolution, 1),
            (2, config.latent),
        )
    )
    latent = np.clip(latent, -3, 3)
    assert np.allclose(
        begun(images, noise, latent), older(images, noise, latent), atol=1e-5
    )  # a prior yet to be fitted
    assert starting_model.stage(replace(config, resolution=64)) is None


@pytest.mark.slow
def test_a_kept_stage_stays_but_for_its_prior(tiny_bundle: Path, tmp_path: Path) -> None:
    starting_model, tiny = load_starting_model(Bundle(tiny_bundle, verify(tiny_bundle))), PRESETS["tiny"]
    (stage,) = starting_model.stages
    assert isinstance(stage, StyledStage)
    begun = {v.path: v.numpy() for v in stage.variables}
    settings = replace(tiny, start_at="refinement", refinement_images=192, keep_stage=True, minutes=30)
    adapted = starting_model.adapt(settings)
    assert adapted.budget(1, settings.shares.refinement).minutes == pytest.approx(30)  # all of the time
    data, phases = dataset(600, 32, seed=3), set[str]()
    trained = train(
        data, adapted, Run(tmp_path / "run"), lambda report: phases.add(report.phase), starting_model=starting_model
    )
    assert phases == {"features", "refinement"}
    (kept,) = trained.stages
    moved = [a.path for a, b in zip(kept.variables, begun.values(), strict=True) if not np.array_equal(a, b)]
    assert moved
    assert all("prior" in path for path in moved)


@pytest.mark.parametrize(
    ("start_at", "phases"), [("adversarial", 1.0 - 0.1 - 0.1), ("refinement", 0.4), ("stage", 0.33)]
)
def test_the_time_is_split_over_the_phases_that_are_there(start_at: str, phases: float) -> None:
    settings = replace(PRESETS["standard"], started_from="v", start_at=start_at, minutes=40)
    assert settings.budget(1, settings.shares.super_resolution).minutes == pytest.approx(40 * 0.33 / phases)


def test_what_does_not_fit_is_refused_in_one_sentence(tiny_bundle: Path) -> None:
    manifest, tiny = read_manifest(tiny_bundle), PRESETS["tiny"]
    check_compatible(manifest, tiny)
    check_compatible(manifest, with_resolution(replace(tiny, k=manifest["n_clusters"]), 64))
    keep = replace(tiny, keep_stage=True)
    check_compatible(manifest, keep)
    with pytest.raises(
        TrainingError, match="has no stage of 64 px with a code of grain to keep: leave out --keep-stage"
    ):
        check_compatible(manifest, with_resolution(keep, 64))
    with pytest.raises(TrainingError, match=r"has \d+ families, not 3: leave their number open"):
        check_compatible(manifest, replace(tiny, k=3))
    with pytest.raises(TrainingError, match="are not those of preset small: choose the preset"):
        check_compatible(manifest, PRESETS["small"])


def test_a_family_without_an_image_is_refused(tiny_bundle: Path) -> None:
    starting_model = load_starting_model(Bundle(tiny_bundle, verify(tiny_bundle)))
    starting_model.check_families(np.arange(len(starting_model.clusters.centroids)))
    with pytest.raises(TrainingError, match="None of the images is of family 1"):
        starting_model.check_families(np.array([0, *range(2, len(starting_model.clusters.centroids))]))
