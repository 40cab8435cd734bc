"""The phases of the GAN trained by several workers of a Ray cluster, each of which computes its share of every batch.

    from galaxies.cluster.connection import connected
    from galaxies.ml.pipeline import train
    with connected("auto"):
        group = Group(count, cores_each(count))         # manage.py train --ray auto --workers 4
        train(data, settings, run, reporter, together=group.train)

Ray Train starts the workers, tells TensorFlow where they are, and starts all of them again where one is lost. They go
on from the run's own checkpoints, so its folder must be one that all nodes see. TensorFlow's collectives sum gradients
and whatever else is taken over a batch (galaxies.ml.workers); only the first worker writes. What comes before, the
encoder, the families, the feature network and the warm start, is trained by the process that was started.
"""

import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count as numbers
from pathlib import Path
from typing import Any

import ray
import tensorflow as tf
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.tensorflow import TensorflowTrainer

from galaxies.cluster.bundles import pack, unpacked
from galaxies.cluster.connection import ClusterError, threads
from galaxies.cluster.link import Link
from galaxies.ml.arrays import Images, Tensor
from galaxies.ml.bundle import Bundle, verify
from galaxies.ml.fine_tuning import StartingModel, load_starting_model
from galaxies.ml.loop import Run, Stopped, TrainingError
from galaxies.ml.pipeline import Found, Training, learn_features, train_networks
from galaxies.ml.presets import Settings
from galaxies.ml.workers import Workers

FAILURES = 10  # losses of workers that a training survives without being resumed
LOOK_SECONDS = 1.0  # between two looks at each other of the first worker and the command
GROUP_KEY = 1000  # any number that the strategy itself does not come to


@dataclass(frozen=True)
class Job:
    """What each worker gets. images, bundle: references to what lies in Ray's object store once for each node."""

    folder: Path
    settings: Settings
    found: Found
    images: Any
    version: str  # of the starting model, "" without one
    bundle: Any
    link: Any
    save_seconds: float


@dataclass(frozen=True)
class Group:
    """So many workers of so many cores each. bundle: the folder of the starting model, if there is one."""

    count: int
    cores: int
    bundle: Path | None = None

    def train(self, training: Training, found: Found) -> None:
        """Let the workers call `train_networks` until all of it is in the run's folder.

        Raises: Stopped after saving if the run was asked to stop; TrainingError.
        """
        run, link = training.run, Link.remote()  # type: ignore[attr-defined]
        folder = run.folder.resolve()
        version, packed = (self.bundle.name, ray.put(pack(self.bundle))) if self.bundle else ("", None)
        job = Job(
            folder,
            training.settings,
            found,
            ray.put(training.images),
            version=version,
            bundle=packed,
            link=link,
            save_seconds=run.save_seconds,
        )
        trainer = TensorflowTrainer(
            _work,
            train_loop_config={"job": ray.put(job)},  # a reference, which Ray Train's own processes need not read
            scaling_config=ScalingConfig(num_workers=self.count, resources_per_worker={"CPU": self.cores}),
            run_config=RunConfig(
                storage_path=str(folder / "ray"),  # nothing is kept there, but that all nodes see it is looked at
                failure_config=FailureConfig(max_failures=FAILURES),
                worker_runtime_env=threads(self.cores),  # type: ignore[call-arg]
            ),
        )
        pool = ThreadPoolExecutor(1)
        try:
            _follow(pool.submit(trainer.fit), link, training)
        except (ray.exceptions.RayError, ray.train.TrainingFailedError) as error:
            raise TrainingError(f"The cluster does not go on ({type(error).__name__}): resume.") from error
        finally:
            pool.shutdown(wait=False)  # what it waits for ends with the connection
            shutil.rmtree(folder / "ray", ignore_errors=True)


def cores_each(count: int) -> int:
    """Return how many cores each of so many workers can have. Raises: ClusterError if too few are free."""
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    free = int(ray.available_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
    for cores in range(free // count, 0, -1):
        if sum(node // cores for node in nodes) >= count:
            return cores
    raise ClusterError(f"The cluster has {free} free cores, too few for {count} workers: give fewer by --workers.")


def _follow(fit: "Future[Any]", link: Any, training: Training) -> None:
    """Pass on what the workers report, and whether to stop, until they have ended."""
    while True:
        ended = bool(wait([fit], timeout=LOOK_SECONDS).done)
        reports, error = ray.get(link.look.remote(training.run.should_stop()))
        for report in reports:
            training.reporter(report)
        if error:
            raise error
        if ended:
            fit.result()
            return


def _work(config: dict[str, Any]) -> None:
    """Train what a job says, as one of its workers."""
    workers = join()
    job: Job = ray.get(config["job"])
    should_stop = _asking(job.link) if workers.leads else lambda: False
    run = Run(job.folder, should_stop, workers, save_seconds=job.save_seconds)
    images: Images = ray.get(job.images)
    training = Training(images, job.settings, run, job.link.report.remote, _starting_model(job))
    try:
        train_networks(training, learn_features(training), job.found)
    except (Stopped, TrainingError) as error:
        ray.get(job.link.end.remote(error))


def join() -> Workers:
    """Return this process's part in the group that Ray Train has told TensorFlow of.

    Call it before TensorFlow does anything else.
    """
    strategy = tf.distribute.MultiWorkerMirroredStrategy()  # connects the workers, and ends what waits for a lost one
    keys = numbers(1)

    def add(x: Tensor) -> Tensor:
        # Workers trace the same functions in the same order, so a number says which of their tensors belong together.
        return tf.raw_ops.CollectiveReduceV2(
            input=x,
            group_size=strategy.num_replicas_in_sync,
            group_key=GROUP_KEY,
            instance_key=next(keys),
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
        )

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def total(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        return add(x), total

    outside = tf.function(add)  # one number for each shape, however often it is called
    return Workers(
        strategy.cluster_resolver.task_id,
        strategy.num_replicas_in_sync,
        lambda x: total(x) if tf.inside_function() else outside(x),
    )


def _asking(link: Any) -> Callable[[], bool]:
    """Return what tells whether to stop, and asks for it now and then."""
    asked, stop = 0.0, False

    def should_stop() -> bool:
        nonlocal asked, stop
        if time.monotonic() - asked >= LOOK_SECONDS:
            asked, stop = time.monotonic(), ray.get(link.stops.remote())
        return stop

    return should_stop


def _starting_model(job: Job) -> StartingModel | None:
    if not job.version:
        return None
    with unpacked(job.version, job.bundle) as path:
        return load_starting_model(Bundle(path, verify(path)))
