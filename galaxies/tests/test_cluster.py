"""On a Ray cluster of this machine: the generator behind Ray Serve, and sets painted by its workers."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from django.conf import settings as site

from galaxies.cluster.remote import REQUESTS, Connection, RemoteBundle
from galaxies.ml.bundle import Bundle, BundleError, load_bundle
from galaxies.ml.sets import SetPlan, generate_set
from galaxies.recipe import Recipe
from galaxies.serving import Busy, Service
from galaxies.tests.hosts import free_port, until

ray = pytest.importorskip("ray", reason="Ray is not installed: the extra cluster")
pytestmark = pytest.mark.slow

PLAIN = {"paths": [(), ((7, 0.25),)], "shares": [{0: 1.0}, {0: 0.5, 1: 0.5}], "steer": [{}, {}]}


@pytest.fixture(scope="module")
def cluster(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of two cores, whose nodes have the data folder of a prepared site and the tiny bundle's store."""
    from galaxies.cluster.connection import connected

    own = {"DATA_DIR": tmp_path_factory.mktemp("site"), "MODELS_STORE": tiny_bundle.parent, "DATABASE_URL": ""}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("READY", "HEALTH"):  # of Serve's proxy, on a machine that has much else to do
            patch.setenv(f"RAY_SERVE_PROXY_{name}_CHECK_TIMEOUT_S", "120")
        for name, value in own.items():
            patch.setenv(f"NEBULAI_{name}", str(value))
        prepare = [sys.executable, str(site.BASE_DIR / "manage.py"), "prepare"]
        subprocess.run(prepare, check=True, capture_output=True)  # noqa: S603
        with connected("local", cpus=2):
            yield


@pytest.fixture(scope="module")
def address(cluster: None) -> Iterator[str]:
    """Where a replica answers."""
    from ray import serve

    from galaxies.cluster.replica import NAME, application

    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(application(least=1, most=1), name=NAME, route_prefix="/")
    yield f"ray://127.0.0.1:{port}"
    serve.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def remote(address: str, tiny_bundle: Path) -> RemoteBundle:
    return RemoteBundle(Connection(address), tiny_bundle)


def test_images_and_features_from_the_cluster_are_those_of_the_bundle(remote: RemoteBundle, tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    images = remote.sample([0, 1], [11, 12], [0.8, 1.0], **cast(Any, PLAIN))
    assert np.array_equal(images, bundle.sample([0, 1], [11, 12], [0.8, 1.0], **cast(Any, PLAIN)))
    assert np.allclose(remote.features(images), bundle.features(images), atol=1e-5)


def test_what_a_bundle_refuses_is_refused_in_the_same_words(remote: RemoteBundle) -> None:
    with pytest.raises(ValueError, match="a cluster is not in"):
        remote.sample([0, 99], [11, 12], [0.8, 1.0], **cast(Any, PLAIN | {"shares": [{0: 1.0}, {99: 1.0}]}))
    with pytest.raises(BundleError, match="has no direction “mass”"):
        remote.sample([0, 1], [11, 12], [0.8, 1.0], **cast(Any, PLAIN | {"steer": [{"mass": 1.0}, {}]}))
    with pytest.raises(BundleError):
        RemoteBundle(remote._connection, Path("unknown")).warm_up()


def test_a_replica_that_dies_is_replaced_and_nobody_sees_more_than_a_busy_generator(
    address: str, tiny_bundle: Path
) -> None:
    connection = Connection(address)
    service = Service(lambda path: cast(Bundle, RemoteBundle(connection, path)), batches=REQUESTS)
    service.load(tiny_bundle)
    errors: list[Exception] = []
    answered: list[int] = []
    done = threading.Event()

    def visit(first: int) -> None:
        seed = first
        while not done.is_set():
            seed += 1
            try:
                service.sample(Recipe(tiny_bundle.name, 0, seed, 0.8))
                answered.append(seed)
            except Exception as error:
                errors.append(error)
                done.wait(0.2)

    visitors = [threading.Thread(target=visit, args=[1000 * number]) for number in range(8)]
    for visitor in visitors:
        visitor.start()
    try:
        until(lambda: len(answered) > 20)
        replica = worker("ServeReplica")
        assert replica
        os.kill(replica, signal.SIGKILL)
        before = len(answered)
        until(lambda: len(answered) > before + 20)
    finally:
        done.set()
        for visitor in visitors:
            visitor.join()
        service.stop()
    assert {type(error) for error in errors} <= {Busy}


def worker(name: str) -> int:
    """The id of a process of this test's cluster that does this, 0 if there is none at the moment."""
    session = ray._private.worker.global_worker.node.get_session_dir_path()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if (folder / "cmdline").read_text(errors="replace").startswith(f"ray::{name}"):
                parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
                if session in Path(f"/proc/{parent}/cmdline").read_text():
                    return int(folder.name)
    return 0


def test_a_cluster_that_is_away_is_a_busy_generator(tiny_bundle: Path) -> None:
    gone = RemoteBundle(Connection(f"ray://127.0.0.1:{free_port()}"), tiny_bundle)
    with pytest.raises(Busy, match="does not answer"):
        gone.sample([0, 1], [11, 12], [0.8, 1.0], **cast(Any, PLAIN))


def test_a_cluster_with_a_token_lets_in_who_has_it(tmp_path: Path) -> None:
    """`ray start` asks for the token that any local cluster of before has left in this account."""
    token, port = tmp_path / "token", free_port()
    token.write_text("a1" * 16)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    code = f"""from galaxies.cluster.connection import connected
with connected("127.0.0.1:{port}"):
    import ray
    print(ray.cluster_resources())"""
    asked = [sys.executable, str(site.BASE_DIR / "manage.py"), "shell", "--no-imports", "--command", code]

    def ask(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(asked, env=plain | environment, capture_output=True, text=True)  # noqa: S603

    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "3"]
    start += ["--port", str(port), "--include-dashboard", "false"]
    head = subprocess.Popen(start, env=plain | {"RAY_AUTH_TOKEN_PATH": str(token)})  # noqa: S603
    try:
        with_token = partial(ask, RAY_AUTH_TOKEN_PATH=str(token))
        until(lambda: "'CPU': 3.0" in with_token().stdout)
        assert "give this account its token" in ask(RAY_AUTH_TOKEN_PATH=str(tmp_path / "none")).stderr
    finally:
        head.terminate()
        head.wait()


@pytest.mark.parametrize("format", ["webp", "hdf5"])
def test_a_set_of_the_cluster_has_the_same_bytes(cluster: None, tiny_bundle: Path, tmp_path: Path, format: str) -> None:
    from galaxies.cluster.sets import on_cluster

    bundle = load_bundle(tiny_bundle)
    plan = SetPlan.of(bundle, count=80, seed=5, shard=30, format=format)
    generate_set(bundle, plan, tmp_path / "here", workers=1)
    with on_cluster(bundle, plan) as painter:
        generate_set(bundle, plan, tmp_path / "cluster", painter=painter)
    assert_same(tmp_path / "here", tmp_path / "cluster")


def test_a_worker_that_dies_costs_a_set_nothing(cluster: None, tiny_bundle: Path, tmp_path: Path) -> None:
    from galaxies.cluster.sets import on_cluster

    bundle = load_bundle(tiny_bundle)
    plan = SetPlan.of(bundle, count=400, shard=100)
    generate_set(bundle, plan, tmp_path / "here", workers=1)
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not killed and not done.is_set():
            if process := worker("_paint"):
                os.kill(process, signal.SIGKILL)
                killed.append(process)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with on_cluster(bundle, plan) as painter:
        generate_set(bundle, plan, tmp_path / "cluster", painter=painter)
    done.set()
    killer.join()
    assert killed
    assert_same(tmp_path / "here", tmp_path / "cluster")


def assert_same(one: Path, other: Path) -> None:
    """The same files with the same bytes."""
    files = [contents(place) for place in (one, other)]
    assert files[0].keys() == files[1].keys()
    assert [name for name in files[0] if files[0][name] != files[1][name]] == []


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
