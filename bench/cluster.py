"""Measure the adapters to Ray on this machine: python bench/cluster.py [COUNT] [BUNDLE]

Sets by one worker of one thread, by two, and so again, in one run; whether all have the same bytes. Then a replica of
the generator is killed while eight visitors ask: what they were told, and how long until the next galaxy.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
VISITORS, BEFORE, AFTER = 8, 10.0, 60.0  # seconds
PORT = 8123
BATCH = 32


def sets(path: Path, count: int) -> None:
    from galaxies.cluster.connection import connected
    from galaxies.cluster.sets import on_cluster
    from galaxies.ml.bundle import load_bundle
    from galaxies.ml.sets import SetPlan, generate_set

    bundle = load_bundle(path)
    speeds: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for workers in (1, 2, 1, 2):
            with connected("local", cpus=workers):
                warm = SetPlan.of(bundle, count=BATCH * 4 * workers, seed=10**9)  # each worker has loaded the bundle
                plan = SetPlan.of(bundle, count=count)
                made.append(Path(folder, f"{len(made)}"))
                with on_cluster(bundle, warm) as painter:
                    generate_set(bundle, warm, Path(folder, f"warm-{len(made)}"), painter=painter)
                with on_cluster(bundle, plan) as painter:
                    started = time.perf_counter()
                    generate_set(bundle, plan, made[-1], painter=painter)
                    speeds[workers].append(count / (time.perf_counter() - started))
            print(f"{workers} worker(s): {speeds[workers][-1]:.1f} images/s, load {os.getloadavg()[0]:.1f}", flush=True)
        contents = [{file.name: file.read_bytes() for file in each.rglob("*") if file.is_file()} for each in made]
        size = sum(len(content) for content in contents[0].values())
    mean = {workers: sum(all_) / len(all_) for workers, all_ in speeds.items()}
    same = all(each == contents[0] for each in contents)
    print(f"2 against 1: {mean[2] / mean[1]:.2f} x; same bytes: {same}; {size / count:,.0f} bytes a galaxy")


def writer(path: Path, count: int = 20_000) -> None:
    """What the one process that writes a set could take from workers without end."""
    from galaxies.ml.bundle import load_bundle
    from galaxies.ml.sets import SetPlan, generate_set
    from galaxies.ml.sets.encoding import Finished, finish
    from galaxies.ml.sets.generate import Painter, paint
    from galaxies.ml.sets.plan import Candidate

    bundle = load_bundle(path)
    for fmt in ("webp", "webdataset", "parquet"):
        plan = SetPlan.of(bundle, count=count, format=fmt)
        painted = finish(*paint(bundle, plan, plan.batch(0, BATCH)), fmt, side=plan.size, measure=False)

        def submit(batch: list[Candidate], painted: list[Finished] = painted) -> Future[list[Finished]]:
            future: Future[list[Finished]] = Future()
            future.set_result(painted[: len(batch)])
            return future

        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            generate_set(bundle, plan, Path(folder, "set"), painter=Painter(submit, 4))
            seconds = time.process_time() - started
        size = sum(len(each.content) for each in painted) / len(painted)
        print(
            f"writing alone, {fmt}, {size:,.0f} bytes each: {count / seconds:,.0f} galaxies a second of a core",
            flush=True,
        )


def killed(path: Path) -> None:
    from ray import serve

    from galaxies.cluster.connection import connected
    from galaxies.cluster.replica import NAME, application

    with connected("local", cpus=2):
        serve.start(http_options={"host": "127.0.0.1", "port": PORT})
        for replicas in (1, 2):
            serve.run(application(least=replicas, most=replicas), name=NAME, route_prefix="/")
            print(f"{replicas} replica(s), one killed: {_killed(path)}; load {os.getloadavg()[0]:.1f}", flush=True)
        serve.shutdown()


def _killed(path: Path) -> str:
    """Kill a replica under load. Returns: what came of it."""
    from galaxies.cluster.remote import REQUESTS, Connection, RemoteBundle
    from galaxies.ml.bundle import Bundle
    from galaxies.recipe import Recipe
    from galaxies.serving import Busy, Service

    connection = Connection(f"ray://127.0.0.1:{PORT}")
    service = Service(lambda folder: cast(Bundle, RemoteBundle(connection, folder)), batches=REQUESTS)
    service.load(path)
    told: Counter[str] = Counter()
    times: list[float] = []
    done = threading.Event()

    def visit(seed: int) -> None:
        while not done.is_set():
            seed += 1
            try:
                service.sample(Recipe(path.name, 0, seed, 0.8))
                times.append(time.perf_counter())
                told["image"] += 1
            except Busy:
                told["503"] += 1
                done.wait(0.2)
            except Exception as error:
                told[repr(error)] += 1

    visitors = [threading.Thread(target=visit, args=[10**6 * number]) for number in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    time.sleep(BEFORE)
    killed = time.perf_counter()
    os.kill(_replica(), signal.SIGKILL)
    time.sleep(AFTER)
    ended = time.perf_counter()
    done.set()
    for visitor in visitors:
        visitor.join()
    service.stop()
    moments = sorted([killed, *(each for each in times if each > killed)])
    silence = max(b - a for a, b in pairwise(moments))
    before = sum(each < killed for each in times) / BEFORE
    after = sum(ended - BEFORE < each < ended for each in times) / BEFORE
    return f"{dict(told)}; longest silence {silence:.1f} s; {before:.1f} images/s before, {after:.1f} at the end"


def _replica() -> int:
    """The id of a process that holds a replica of this cluster."""
    import ray

    session = ray._private.worker.global_worker.node.get_session_dir_path()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            title = (folder / "cmdline").read_text(errors="replace")
            if title.startswith("ray::ServeReplica") and session in Path(f"/proc/{parent}/cmdline").read_text():
                return int(folder.name)
        except OSError:
            continue
    sys.exit("No replica was found.")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 640
    bundle = Path(sys.argv[2]) if len(sys.argv) > 2 else max(ROOT.glob("models_store/*/manifest.json")).parent
    with tempfile.TemporaryDirectory() as site:
        own = {"DATA_DIR": site, "MODELS_STORE": bundle.resolve().parent, "DATABASE_URL": ""}
        os.environ.update({f"NEBULAI_{name}": str(value) for name, value in own.items()})
        os.environ["DJANGO_SETTINGS_MODULE"] = "nebulai.settings"
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        for command in (["prepare"], ["activate", bundle.name]):
            run = [sys.executable, str(ROOT / "manage.py"), *command]
            subprocess.run(run, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        writer(bundle.resolve())
        sets(bundle.resolve(), count)
        killed(bundle.resolve())
