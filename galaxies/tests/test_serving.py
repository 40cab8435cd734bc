"""The queue is tested with a bundle that can be held up; batches and hot swaps with a real one."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from django.conf import settings

from galaxies.ml.bundle import Bundle, BundleError, sha256
from galaxies.models import ModelVersion
from galaxies.recipe import MAX_SEED, Recipe
from galaxies.registry.registration import activate_version, register_bundle
from galaxies.registry.versions import activate
from galaxies.serving import MAX_BATCH, Busy, Service


class HeldBundle:
    """Samples every galaxy in the shade of its seed, once `go` is set; notes the size of every batch."""

    def __init__(self, path: Path) -> None:
        self.version = path.name
        self.room = MAX_BATCH  # a larger batch finds no memory
        self.go = threading.Event()
        self.running = threading.Event()
        self.batches: list[int] = []

    def warm_up(self) -> None:
        pass

    def sample(self, clusters: list[int], seeds: list[int], psi: list[float], **blend: Any) -> Any:
        self.running.set()
        assert self.go.wait(10)
        self.batches.append(len(seeds))
        if len(seeds) > self.room:
            raise MemoryError
        if 13 in seeds:
            raise ValueError("thirteen")
        if 66 in seeds:
            raise SystemExit
        return np.stack([np.full((2, 2, 3), seed, np.uint8) for seed in seeds])


@pytest.fixture(autouse=True)
def watchful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the site looks at every two seconds, it looks at all the time."""
    monkeypatch.setattr("galaxies.serving.WATCH_SECONDS", 0.05)


@pytest.fixture
def held() -> HeldBundle:
    return HeldBundle(Path("held"))


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """Makes services, and stops them afterwards."""
    made: list[Service] = []

    def make(*bundles: HeldBundle, queue_size: int = 128) -> Service:
        by_name = {bundle.version: bundle for bundle in bundles}
        made.append(Service(lambda path: cast(Bundle, by_name[path.name]), queue_size))
        made[-1].load(Path(bundles[0].version))
        return made[-1]

    yield make
    for service in made:
        service.stop()


def recipe(seed: int, version: str = "held") -> Recipe:
    return Recipe(version, 0, seed, 0.8)


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def test_requests_that_wait_are_sampled_together_and_each_gets_its_own(
    serve: Callable[..., Service], held: HeldBundle
) -> None:
    service = serve(held)
    with ThreadPoolExecutor(80) as pool:
        first = pool.submit(service.sample, recipe(0))
        assert held.running.wait(10)
        rest = [pool.submit(service.sample, recipe(seed)) for seed in range(100, 170)]
        until(lambda: len(service._turns) == 70)
        held.go.set()
        assert first.result()[0, 0, 0] == 0
        assert [future.result()[0, 0, 0] for future in rest] == list(range(100, 170))
    assert held.batches == [1, MAX_BATCH, MAX_BATCH, 6]


def test_a_full_queue_says_when_to_come_back(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held, queue_size=2)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(service.sample, recipe(1))]
        assert held.running.wait(10)
        waiting += [pool.submit(service.sample, recipe(seed)) for seed in (2, 3)]
        until(lambda: len(service._turns) == 2)
        with pytest.raises(Busy) as refused:
            service.sample(recipe(4))
        assert refused.value.retry_after > 0
        assert str(refused.value).startswith("2 galaxies are waiting to be generated already; try again in ")
        held.go.set()
        assert [future.result()[0, 0, 0] for future in waiting] == [1, 2, 3]


def test_who_gave_up_waiting_costs_no_sampling(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.sample, recipe(1))
        assert held.running.wait(10)
        with pytest.raises(Busy):
            service.sample(recipe(2), timeout=0.05)
        held.go.set()
        first.result()
    assert service.sample(recipe(3))[0, 0, 0] == 3
    assert held.batches == [1, 1]


def test_an_error_reaches_its_request_and_the_thread_lives_on(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    held.go.set()
    with pytest.raises(ValueError, match="thirteen"):
        service.sample(recipe(13))
    assert service.sample(recipe(14))[0, 0, 0] == 14


def test_in_a_batch_that_fails_only_the_one_that_is_wrong_fails(
    serve: Callable[..., Service], held: HeldBundle
) -> None:
    service = serve(held)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(service.sample, recipe(0))
        assert held.running.wait(10)
        rest = {seed: pool.submit(service.sample, recipe(seed)) for seed in (12, 13, 14)}
        until(lambda: len(service._turns) == 3)
        held.go.set()
        assert first.result()[0, 0, 0] == 0
        with pytest.raises(ValueError, match="thirteen"):
            rest[13].result()
        assert [rest[seed].result()[0, 0, 0] for seed in (12, 14)] == [12, 14]


def test_a_batch_for_which_memory_is_too_small_is_halved_until_it_fits(
    serve: Callable[..., Service], held: HeldBundle
) -> None:
    service = serve(held)
    held.go.set()
    held.room = 3
    images = service.sample_many([recipe(seed) for seed in range(20, 30)])
    assert images[:, 0, 0, 0].tolist() == list(range(20, 30))
    assert [size for size in held.batches if size <= 3] == [2, 3, 2, 3]
    held.room = 0
    with pytest.raises(MemoryError):
        service.sample_many([recipe(20), recipe(21)])
    held.room = MAX_BATCH
    assert service.sample_many([recipe(20), recipe(21)]).shape[0] == 2


def test_one_galaxy_does_not_wait_behind_all_of_a_large_request(
    serve: Callable[..., Service], held: HeldBundle
) -> None:
    service = serve(held)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(service.sample, recipe(0))
        assert held.running.wait(10)
        many = pool.submit(service.sample_many, [recipe(100) for _ in range(2 * MAX_BATCH)])
        until(lambda: len(service._turns) == 2 * MAX_BATCH)
        one = pool.submit(service.sample, recipe(7))
        until(lambda: len(service._turns) == 2 * MAX_BATCH + 1)
        held.go.set()
        assert one.result()[0, 0, 0] == 7
        assert {int(image[0, 0, 0]) for image in many.result()} == {100}
        first.result()
    assert held.batches == [1, MAX_BATCH, MAX_BATCH, 1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_generator_that_dies_says_so_and_is_started_again(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    held.go.set()
    with pytest.raises(SystemExit):
        service.sample(recipe(66))
    until(lambda: not service.lives)
    assert service.sample(recipe(7))[0, 0, 0] == 7
    assert service.lives


def test_stopping_answers_what_is_queued(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(service.sample, recipe(1))]
        assert held.running.wait(10)
        waiting.append(pool.submit(service.sample, recipe(2)))
        until(lambda: len(service._turns) == 1)
        held.go.set()
        service.stop()
        assert [future.result()[0, 0, 0] for future in waiting] == [1, 2]


def test_old_versions_stay_for_those_who_ask_and_only_a_few_of_them(serve: Callable[..., Service]) -> None:
    bundles = [HeldBundle(Path(name)) for name in "abcd"]
    for bundle in bundles:
        bundle.go.set()
    service = serve(*bundles)
    for name in "bcd":
        service.sample(recipe(5, version=name))
    assert service.version == "a"
    assert list(service._old) == ["c", "d"]


def test_before_a_model_is_loaded_it_is_busy(serve: Callable[..., Service], transactional_db: None) -> None:
    service = Service()
    with pytest.raises(Busy):
        service.sample(recipe(1))
    service.stop()


def test_a_batch_samples_what_each_alone_samples(loaded: Service) -> None:
    assert loaded.version
    seeds = [0, 1, 42, 2**32, 2**53 + 1, MAX_SEED]
    recipes = [Recipe(loaded.version, seed % 2, seed, psi) for seed in seeds for psi in (0.3, 0.8, 1.2)]
    recipes += [Recipe(loaded.version, 0, seed, 0.8, cluster2=1, seed2=seed // 3, mix=0.25) for seed in seeds]
    alone = np.stack([loaded.sample(each) for each in recipes]).astype(int)
    with ThreadPoolExecutor(len(recipes)) as pool:
        together = np.stack(list(pool.map(loaded.sample, recipes))).astype(int)
    assert abs(alone - together).max() <= 1
    assert len({image.tobytes() for image in alone}) == len(recipes)


def test_many_are_sampled_in_one_batch_and_come_back_in_order(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.sample, recipe(0))
        assert held.running.wait(10)
        many = pool.submit(service.sample_many, [recipe(seed) for seed in range(20, 28)])
        until(lambda: len(service._turns) == 8)
        held.go.set()
        assert first.result()[0, 0, 0] == 0
        assert many.result()[:, 0, 0, 0].tolist() == list(range(20, 28))
    assert held.batches == [1, 8]


def test_many_are_all_refused_where_not_all_have_room(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held, queue_size=4)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(service.sample, recipe(0))
        assert held.running.wait(10)
        with pytest.raises(Busy):
            service.sample_many([recipe(seed) for seed in range(10, 18)])
        held.go.set()
        first.result()
    assert service.sample(recipe(3))[0, 0, 0] == 3
    assert held.batches == [1, 1]  # the four that had room cost nothing


def test_many_share_one_time_limit_and_an_error_is_everybody_s(serve: Callable[..., Service], held: HeldBundle) -> None:
    service = serve(held)
    started = time.monotonic()
    with pytest.raises(Busy):
        service.sample_many([recipe(seed) for seed in range(10, 18)], timeout=1.0)
    assert time.monotonic() - started < 4  # eight of their own would be 8
    held.go.set()
    with pytest.raises(ValueError, match="thirteen"):
        service.sample_many([recipe(seed) for seed in range(10, 18)])
    assert service.sample_many([recipe(14)])[0, 0, 0, 0] == 14


def test_features_of_many_are_those_of_each(loaded: Service) -> None:
    assert loaded.version
    images = loaded.sample_many([Recipe(loaded.version, 0, seed, 1.0) for seed in range(5)])
    together = loaded.features_many(loaded.version, images)
    alone = np.stack([loaded.features(loaded.version, image) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def copy_bundle(bundle: Path, version: str) -> Path:
    path = Path(shutil.copytree(bundle, settings.MODELS_STORE / version))
    manifest = json.loads((path / "manifest.json").read_text()) | {"version": version}
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def test_a_newly_activated_version_takes_over_and_a_damaged_one_is_refused(
    transactional_db: None, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = register_bundle(bundle, activate=True)
    second = register_bundle(copy_bundle(bundle, "second"))
    third = register_bundle(copy_bundle(bundle, "third"))
    service = Service()
    service.start()
    try:
        until(lambda: service.version == first.version)
        activate_version(second)
        until(lambda: service.version == "second")
        weights = max(third.path.iterdir(), key=lambda path: path.stat().st_size if path.is_file() else 0)
        weights.write_bytes(weights.read_bytes()[:-1])
        activate_version(third)
        until(lambda: weights.name in caplog.text)
        assert service.version == "second"
        assert service.sample(Recipe("second", 0, 1, 0.8)).shape == (second.resolution, second.resolution, 3)
        assert ModelVersion.active() == third
    finally:
        service.stop()


def reseal(path: Path, name: str, content: bytes) -> None:
    """Change a file so that only its network shows it: the checksums hold."""
    (path / name).write_bytes(content)
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["files"][name] = sha256(path / name)
    (path / "manifest.json").write_text(json.dumps(manifest))


def with_nan(path: Path) -> bytes:
    """Return the arrays of a file with a value in each that is no number."""
    with np.load(path) as file:
        arrays = {key: file[key].copy() for key in file.files}
    for array in arrays.values():
        array.flat[0] = np.nan
    buffer = BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["generator.npz", "encoder.npz"])
def test_a_bundle_whose_networks_answer_with_no_numbers_is_refused(bundle: Path, name: str) -> None:
    hollow = copy_bundle(bundle, "hollow")
    reseal(hollow, name, with_nan(hollow / name))
    with pytest.raises(BundleError, match=r"hollow passes its checksums, but .* no numbers"):
        Service().load(hollow)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["generator.npz", "encoder.npz"])
@pytest.mark.parametrize("content", [b"no arrays", b"PK\x05\x06" + bytes(18), b"PK\x03\x04" + bytes(200)])
def test_a_bundle_whose_checksums_hold_but_which_cannot_be_loaded_is_refused_in_a_sentence(
    transactional_db: None, bundle: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes
) -> None:
    first = register_bundle(bundle, activate=True)
    hollow = copy_bundle(bundle, "hollow")
    reseal(hollow, name, content)
    service = Service()
    service.start()
    try:
        until(lambda: service.version == first.version)
        activate(register_bundle(hollow))
        until(lambda: service.refused != "")
        assert "hollow" in service.refused
        assert len(service.refused.splitlines()) == 1
        assert service.refused in caplog.text
        assert service.version == first.version
        assert service.sample(Recipe(first.version, 0, 1, 0.8)).shape[2] == 3
        with pytest.raises(BundleError, match="hollow"):
            service.at_hand("hollow")
        activate(first)
        until(lambda: service.refused == "")
        assert service.version == first.version
    finally:
        service.stop()


@pytest.mark.slow
def test_a_refused_version_serves_once_it_was_mended_and_activated_again(transactional_db: None, bundle: Path) -> None:
    first = register_bundle(bundle, activate=True)
    second = register_bundle(copy_bundle(bundle, "second"))
    weights = second.path / "generator.npz"
    whole = weights.read_bytes()
    service = Service()
    service.start()
    try:
        until(lambda: service.version == first.version)
        weights.write_bytes(b"damaged")
        activate_version(second)  # without the look at its files that comes first elsewhere
        until(lambda: service.refused != "")
        weights.write_bytes(whole)
        activate(second)
        until(lambda: service.version == "second")
        assert service.refused == ""
    finally:
        service.stop()


def test_a_version_that_took_the_place_of_a_deleted_one_is_loaded_anew(
    serve: Callable[..., Service], bundle: Path
) -> None:
    served, before, after = (HeldBundle(Path(name)) for name in ("served", "old", "old"))
    for each in (served, before, after):
        each.go.set()
    service = serve(served, before)
    path = copy_bundle(bundle, "old")
    service.sample(recipe(1, version="old"))
    assert before.batches
    shutil.rmtree(path)
    os.utime(copy_bundle(bundle, "old") / "manifest.json", (1, 1))
    service._load = lambda path: cast(Bundle, after)
    service.sample(recipe(1, version="old"))
    assert after.batches


def test_a_bundle_that_cannot_be_loaded_at_boot_is_reported(transactional_db: None, version: ModelVersion) -> None:
    (version.path / "manifest.json").write_text("{")
    failed = threading.Event()
    service = Service()
    service.start(on_boot_failure=failed.set)
    try:
        assert failed.wait(30)
        assert service.version is None
    finally:
        service.stop()


def test_a_galaxy_of_a_version_whose_bundle_is_gone_says_so(generator: Service, version: ModelVersion) -> None:
    with pytest.raises(BundleError, match="gone"):
        generator.sample(recipe(1, version="gone"))
