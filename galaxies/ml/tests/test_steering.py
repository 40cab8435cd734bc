import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from galaxies.ml.bundle import (
    BundleError,
    Direction,
    Directions,
    SteerError,
    load_bundle,
    parse_steer,
    read_directions,
    write_steer,
)
from galaxies.ml.bundle.directions import VALUES
from galaxies.ml.steering import (
    Sampling,
    SteeringError,
    add_directions,
    compare,
    find_directions,
    fit,
    rescale,
    summary,
    try_out,
)


@pytest.fixture(scope="module")
def latents() -> tuple[np.ndarray, np.ndarray]:
    """w of ten dimensions that lean on one another, and five values: four of them linear in w, the last one noise."""
    rng = np.random.default_rng(0)
    w = rng.standard_normal((2000, 10)) @ rng.standard_normal((10, 10))
    values = w @ rng.standard_normal((10, 5)) + 0.3 * rng.standard_normal((2000, 5))
    values[:, 4] = rng.standard_normal(2000)
    return w, values


def test_a_step_moves_its_own_value_by_a_deviation_and_the_others_not(latents: tuple[np.ndarray, np.ndarray]) -> None:
    w, values = latents
    found, vectors = fit(w, values)
    slopes = np.linalg.lstsq(w - w.mean(0), values - values.mean(0), rcond=None)[0]
    for i, name in enumerate(VALUES[:4]):
        change = vectors[name] @ slopes / values.std(axis=0)
        assert change[i] == pytest.approx(1, abs=0.1)
        assert np.abs(np.delete(change[:4], i)).max() < 0.1
        assert found[name].r2 > 0.9


def test_a_value_that_w_does_not_tell_gets_no_direction(latents: tuple[np.ndarray, np.ndarray]) -> None:
    found, vectors = fit(*latents)
    assert Directions(found, {}).steerable == tuple(vectors) == VALUES[:4]


def test_failed_measurements_are_left_out_and_too_few_are_refused(latents: tuple[np.ndarray, np.ndarray]) -> None:
    w, values = latents
    holes = np.where(np.arange(len(values))[:, None] % 3, values, np.nan)
    assert fit(w, holes)[0]["size"].r2 > 0.9
    with pytest.raises(SteeringError, match="Only 10 of 2000"):
        fit(w, np.where(np.arange(len(values))[:, None] < 10, values, np.nan))


def test_what_was_asked_is_compared_with_what_came(latents: tuple[np.ndarray, np.ndarray]) -> None:
    asked = np.linspace(-2, 2, 41)
    change = np.zeros((41, 5))
    change[:, 2], change[:, 0] = 0.7 * asked, 0.1 * asked
    found = compare(fit(*latents)[0]["colour"], "colour", asked, change)
    assert found.slope == pytest.approx(0.7)
    assert found.rank_correlation == pytest.approx(1)
    assert found.moved == pytest.approx({"size": 0.1, "elongation": 0, "concentration": 0, "brightness": 0})


def test_steps_are_stretched_by_what_came_of_them() -> None:
    one = np.ones(4, np.float32)
    slopes = {"size": 0.5, "elongation": 1.25, "colour": 0.1, "concentration": -0.3, "brightness": None}
    value = {"unit": "", "mean": 0.0, "deviation": 1.0, "r2": 0.9}
    tried = Directions({name: Direction(slope=slope, **value) for name, slope in slopes.items()}, {})  # type: ignore[arg-type]
    stretched = {name: float(vector[0]) for name, vector in rescale(dict.fromkeys(slopes, one), tried).items()}
    assert stretched == pytest.approx(
        {"size": 2.0, "elongation": 0.8, "colour": 2.5, "concentration": 1.0, "brightness": 1.0}
    )


def test_steps_are_scaled_on_galaxies_that_nothing_else_sees() -> None:
    sampling = Sampling(samples=4000, checks=500, seed=10)
    assert (sampling.for_scale.seed, sampling.for_scale.samples, sampling.for_scale.checks) == (4510, 0, 200)


def test_a_bundle_is_steered_and_stays_whole(tiny_bundle: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(tiny_bundle, tmp_path / tiny_bundle.name))
    before = load_bundle(path)
    plain = before.sample([0, 1], [5, 6], 0.8)
    with pytest.raises(BundleError, match=r"no direction “size”.*manage\.py find_directions"):
        before.sample([0], [5], 0.8, steer=[{"size": 1.0}])
    clusters, seeds = [i % 3 for i in range(300)], list(range(300))
    styles, random = before.styles(clusters, seeds), np.random.default_rng(0)
    values = random.standard_normal((300, 5))
    values[:, VALUES.index("brightness")] = styles @ random.standard_normal(styles.shape[1])
    figures, vectors = fit(styles, values)
    assert tuple(vectors) == ("brightness",)
    tried = try_out(before.steered_by(vectors), Directions(figures, {}), Sampling(checks=4))
    add_directions(path, tried, vectors)
    bundle, read = load_bundle(path), read_directions(path)  # checks all checksums
    assert read is not None
    assert set(bundle.directions) == {"brightness"}
    assert "brightness" in summary(read)
    assert np.array_equal(bundle.sample([0, 1], [5, 6], 0.8, steer=[{}, {}]), plain)
    steered = [bundle.sample([0] * 8, range(8), 0.8, steer=[{"brightness": step}] * 8) for step in (-1.5, 0.0, 1.5)]
    less, none, more = np.stack(steered).astype(int)
    assert 0 < np.abs(more - none).mean() < np.abs(more - less).mean()


def test_a_model_whose_galaxies_cannot_be_measured_is_told_so(tiny_bundle: Path) -> None:
    with pytest.raises(SteeringError, match="of 12 galaxies could be measured"):
        find_directions(load_bundle(tiny_bundle), Sampling(samples=12))


def test_damaged_directions_are_named(tmp_path: Path) -> None:
    assert read_directions(tmp_path) is None
    (tmp_path / "directions.json").write_text(json.dumps({"values": {"size": {"r2": 1}}}))
    with pytest.raises(BundleError, match=r"directions.json is damaged"):
        read_directions(tmp_path)


def test_nothing_is_tried_where_nothing_can_be_steered() -> None:
    poor = Direction(unit="", mean=0.0, deviation=1.0, r2=0.1)
    nothing = Directions({"size": poor}, {})
    assert try_out(None, nothing, Sampling()) is nothing  # type: ignore[arg-type]  # no bundle is needed


def test_steps_are_written_and_read() -> None:
    assert parse_steer("size=+1, colour=-0.5,brightness=0") == {"size": 1.0, "colour": -0.5}
    assert write_steer({"size": 1.0, "colour": -0.5}) == "colour=-0.5,size=+1"
    assert parse_steer("") == {}
    for wrong in ("size", "size=", "=1", "size=big", "size=nan", "size=inf", "size=6"):
        with pytest.raises(SteerError, match="is no step"):
            parse_steer(wrong)
