"""The batches of a set, painted by a Ray cluster; what is written, and in which order, stays with galaxies.ml.sets.

    with on_cluster(bundle, plan) as painter:
        painter.submit(batch)       # galaxies.ml.sets.generate_set(..., painter=painter) does

A batch is a task of one core: Ray gives it to whichever node is free and repeats it where a node dies. Only the process
that started it writes, so each recipe is in the set once, whatever was painted twice. They are Ray's tasks and not Ray
Data: a set wants its batches in order, stops early under `--where` and goes on where it was, which the loop of
`generate_set` does already, and the reading tasks of Ray Data wait for ever where its actors hold every core.
The bundle travels as bytes: a node needs neither the site's database nor its store of models.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import ray

from galaxies.cluster.bundles import pack, unpacked
from galaxies.cluster.connection import threads
from galaxies.ml.bundle import Bundle, load_bundle
from galaxies.ml.sets.encoding import Finished, finish
from galaxies.ml.sets.generate import AHEAD, Painter, paint
from galaxies.ml.sets.plan import Candidate, SetError, SetPlan

TRIES = 5  # of a batch whose node has died


@contextmanager
def on_cluster(bundle: Bundle, plan: SetPlan) -> Iterator[Painter]:
    """Yield a painter whose batches are tasks of the cluster that this process is connected to.

    Raises: SetError where the cluster is lost.
    """
    packed = ray.put(pack(bundle.path))
    task = ray.remote(num_cpus=1, max_retries=TRIES, runtime_env=threads(1))(_paint)

    def submit(batch: Sequence[Candidate]) -> Future[list[Finished]]:
        # In a list, so that a worker gets the bytes only if it asks for them.
        future: Future[list[Finished]] = task.remote([packed], plan, batch).future()
        return future

    try:
        cores: Any = ray.cluster_resources()  # type: ignore[no-untyped-call]
        yield Painter(submit, AHEAD * max(1, int(cores.get("CPU", 1))))
    except ray.exceptions.RayError as error:
        raise SetError(f"The cluster does not go on ({type(error).__name__}): run the same again.") from error


def _paint(packed: list[Any], plan: SetPlan, batch: Sequence[Candidate]) -> list[Finished]:
    """Paint, measure and encode a batch on a worker."""
    images, rows = paint(_bundle(plan, packed[0]), plan, batch)
    return finish(images, rows, plan.format, side=plan.size, measure=plan.measures)


_held: dict[tuple[str, str], Bundle] = {}  # the bundle that this worker has unpacked, by version and weights


def _bundle(plan: SetPlan, packed: Any) -> Bundle:
    """Return the bundle of a plan, unpacked once by each worker and kept for the sets after this one."""
    wanted = (plan.version, plan.weights)
    if wanted not in _held:
        _held.clear()
        with unpacked(plan.version, packed) as path:
            bundle = load_bundle(path)
            bundle.directions  # noqa: B018  (read now: its folder goes)
        _held[wanted] = bundle
    return _held[wanted]
