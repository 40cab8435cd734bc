import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from galaxies.ml.bundle import MANIFEST, Bundle, BundleError, NoNumbers, load_bundle, normals, read_manifest, verify


@pytest.fixture(scope="module")
def tiny(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / tiny_bundle.name))


def test_it_works(tiny: Bundle) -> None:
    images = tiny.sample([0, 1, 2], [1, 2, 2**63 - 1], 0.8)
    assert images.shape == (3, tiny.resolution, tiny.resolution, 3)
    assert images.dtype == np.uint8
    assert tiny.n_clusters == len(tiny.families)
    assert images.std() > 1


def test_a_recipe_gives_the_same_alone_and_in_any_batch(tiny: Bundle) -> None:
    clusters, seeds = [i % tiny.n_clusters for i in range(37)], list(range(37))
    together = tiny.sample(clusters, seeds, 0.7).astype(int)
    for i in (0, 5, 31, 32, 36):
        alone = tiny.sample([clusters[i]], [seeds[i]], 0.7).astype(int)
        assert np.abs(alone[0] - together[i]).max() <= 1


@pytest.mark.slow
def test_a_recipe_gives_the_same_in_another_process_without_django(tiny: Bundle) -> None:
    script = (
        "import sys; from pathlib import Path; from galaxies.ml.bundle import load_bundle;"
        "image = load_bundle(Path(sys.argv[1])).sample([2], [77], 0.9);"
        "assert 'django' not in sys.modules; sys.stdout.buffer.write(image.tobytes())"
    )
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(tiny.path)], capture_output=True, check=True, cwd=Path(__file__).parents[3]
    )
    here = tiny.sample([2], [77], 0.9)
    there = np.frombuffer(run.stdout, np.uint8).reshape(here.shape)
    assert np.abs(here.astype(int) - there).max() <= 1


def test_seeds_families_and_variety_each_change_the_image(tiny: Bundle) -> None:
    first = tiny.sample([0], [5], 0.8)
    assert not np.array_equal(first, tiny.sample([0], [6], 0.8))
    assert not np.array_equal(first, tiny.sample([1], [5], 0.8))
    assert not np.array_equal(first, tiny.sample([0], [5], 1.2))


def test_a_blend_leads_from_one_recipe_to_the_other(tiny: Bundle) -> None:
    def blend(mix: float) -> np.ndarray:
        return tiny.sample([0], [5], 1.0, clusters2=[3], seeds2=[9], mix=[mix]).astype(int)

    assert np.abs(blend(0.0) - tiny.sample([0], [5], 1.0)).max() <= 1
    assert np.abs(blend(1.0) - tiny.sample([3], [9], 1.0)).max() <= 1
    assert np.abs(blend(0.1) - blend(0.0)).mean() < np.abs(blend(1.0) - blend(0.0)).mean()


def test_less_variety_lies_nearer_to_the_family_mean(tiny: Bundle) -> None:
    seeds = list(range(32))
    spread = [tiny.sample([0] * 32, seeds, psi).astype(float).std(axis=0).mean() for psi in (0.3, 1.0)]
    assert spread[0] < spread[1]


EXPECTED_42 = [0.9161204695701599, -0.8806796073913574, 1.1154016256332397, -0.2673977315425873]


def test_latents_are_these_numbers_on_every_machine() -> None:
    assert normals(42, 4) == pytest.approx(EXPECTED_42, abs=1e-6)
    assert normals(2**63 - 1, 1000).std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("clusters", "seeds"), [([-1], [0]), ([99], [0]), ([0], [-1]), ([0], [2**63]), ([0, 1], [0])])
def test_impossible_recipes_are_refused(tiny: Bundle, clusters: list[int], seeds: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cluster|seed|length"):
        tiny.sample(clusters, seeds, 1.0)


def test_a_mix_out_of_range_is_refused(tiny: Bundle) -> None:
    with pytest.raises(ValueError, match="mix"):
        tiny.sample([0], [0], 1.0, mix=[1.5])


@pytest.mark.parametrize("name", ["generator.npz", "clusters.npz", "encoder.npz", "MODEL_CARD.md"])
def test_one_changed_byte_is_found_and_the_file_is_named(copy: Path, name: str) -> None:
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    with pytest.raises(BundleError, match=name):
        load_bundle(copy)


def test_a_missing_file_and_a_missing_manifest_are_named(copy: Path) -> None:
    (copy / "features.npz").unlink()
    with pytest.raises(BundleError, match=r"features.npz is missing"):
        verify(copy)
    (copy / MANIFEST).unlink()
    with pytest.raises(BundleError, match=r"manifest.json is missing"):
        verify(copy)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "damaged"), ("[]", "format"), ('{"format": 0}', "format"), ('{"format": 1}', "lacks")]
)
def test_a_manifest_that_is_none_is_refused(copy: Path, text: str, message: str) -> None:
    (copy / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match=message):
        read_manifest(copy)


def test_a_manifest_that_points_outside_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy.parent / "secret").write_text("x")
    manifest["files"]["../secret"] = "0"
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="outside the bundle"):
        verify(copy)


def test_weights_that_do_not_fit_the_manifest_are_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    manifest["generator"]["channels"][0] += 8
    (copy / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="does not describe its own weights"):
        load_bundle(copy)


def test_reading_a_manifest_starts_no_heavy_library(tiny_bundle: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from galaxies.ml.bundle import verify; verify(Path(sys.argv[1]));"
        "sys.exit(bool({'tensorflow', 'sklearn', 'scipy'} & sys.modules.keys()))"
    )
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script, str(tiny_bundle)], check=False, cwd=Path(__file__).parents[3]
    )
    assert run.returncode == 0


def test_real_features_are_kept_with_their_split(tiny: Bundle) -> None:
    real = tiny.real
    assert len(real.features) == len(real.held_out) == len(real.clusters) == 600
    assert 60 < real.held_out.sum() < 180
    assert (tiny.assign(real.features) == real.clusters).mean() > 0.99  # features are kept in half precision


def test_what_is_no_number_makes_no_picture_and_what_is_stays_as_it_is(tiny: Bundle) -> None:
    poisoned = tiny.steered_by({"size": np.full(tiny.manifest["generator"]["w_dim"], np.inf, np.float32)})
    with pytest.raises(NoNumbers):
        poisoned.sample([0, 1], [1, 2], 0.8, steer=[{}, {"size": 1.0}])
    np.testing.assert_array_equal(poisoned.sample([0], [1], 0.8), tiny.sample([0], [1], 0.8))


def test_memory_that_is_used_up_is_told_without_tensorflow() -> None:
    import tensorflow as tf

    from galaxies.ml.bundle.inference import said_plainly

    with pytest.raises(MemoryError), said_plainly():
        tf.zeros([2**45])
    with pytest.raises(tf.errors.InvalidArgumentError), said_plainly():
        tf.reshape(tf.zeros([2]), [3])
