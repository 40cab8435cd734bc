"""The generation service: one generator per process, behind one thread.

    from galaxies.serving import service
    image = service().paint(recipe)             # (H, W, 3) uint8; raises Busy
    service().features(version, image)          # (d,) float32, as the version's own encoder sees the image
    service().paint_many(recipes)               # (N, H, W, 3): together on the queue, all of them or Busy
    service().features_many(version, images)    # (N, d), in the same way
    service().version                           # what new galaxies are painted by; None until it is loaded
    service().refused                           # why that is not the active version, if its bundle could not be loaded

Requests put their recipes on a bounded queue. The model thread takes what is there and runs it as one batch. A second
thread watches which version is active: it loads and warms the new bundle beside the old one, then swaps one reference.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from galaxies.ml.arrays import Features
from galaxies.ml.bundle import MANIFEST, Bundle, BundleError, load_bundle
from galaxies.models import ModelVersion, Recipe

logger = logging.getLogger(__name__)

MAX_BATCH = 32
GATHER_SECONDS = 0.003  # a bare forward pass takes 10 ms: waiting longer for company would be felt
QUEUE_SIZE = 128
ANSWER_SECONDS = 30.0
WATCH_SECONDS = 2.0
OLD_BUNDLES = 2  # how many inactive versions stay in memory for downloads

Image = np.ndarray[Any, np.dtype[np.uint8]]


class Busy(Exception):
    """The generator cannot answer now. `retry_after` is in seconds; the text is for people."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass
class _Job:
    """A recipe to paint, or an image to encode."""

    bundle: Bundle
    ask: Recipe | Image
    future: "Future[Any]" = field(default_factory=Future)


class Service:
    """One generator and its queue. `load` makes a bundle from its folder."""

    def __init__(self, load: Callable[[Path], Bundle] = load_bundle, queue_size: int = QUEUE_SIZE) -> None:
        self._load = load
        self._queue: Queue[_Job | None] = Queue(queue_size)
        self._current: Bundle | None = None
        self._old: OrderedDict[str, Bundle] = OrderedDict()
        self._stamps: dict[str, int] = {}
        self._seen: tuple[str, str, datetime | None] | None = None
        self._refused = ""
        self._starting = threading.Lock()
        self._loading = threading.Lock()
        self._stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}

    @property
    def version(self) -> str | None:
        """The version that new galaxies are painted by, None until one is loaded."""
        return self._current.version if self._current else None

    @property
    def refused(self) -> str:
        """Why the active version does not serve, in a sentence; "" if it does, or may yet."""
        return self._refused

    def start(self, on_boot_failure: Callable[[], None] | None = None) -> None:
        """Follow the active version from now on. `on_boot_failure` is called if the first cannot be loaded."""
        self._run("model", self._work)
        self._run("model-watch", lambda: self._watch(on_boot_failure))

    def stop(self) -> None:
        """Answer what is queued, then end both threads."""
        self._stopping.set()
        if "model" in self._threads:
            self._queue.put(None)
        for thread in self._threads.values():
            thread.join(timeout=ANSWER_SECONDS)

    def _run(self, name: str, target: Callable[[], None]) -> None:
        with self._starting:
            if name not in self._threads:
                self._threads[name] = threading.Thread(target=target, name=name, daemon=True)
                self._threads[name].start()

    def load(self, path: Path) -> None:
        """Load and warm a bundle beside the one that serves, then let it serve instead.

        Raises: BundleError if it is damaged.
        """
        started = time.monotonic()
        stamp = _stamp(path)
        kept = self._old.get(path.name) if stamp == self._stamps.get(path.name) != 0 else None  # rolled back to
        bundle = kept or self._open(path)
        with self._loading:
            if self._current is not None:
                self._keep(self._current)
            self._old.pop(bundle.version, None)
            self._current = bundle
            self._stamps[bundle.version] = stamp
        logger.info("Model version %s is ready after %.1f s.", bundle.version, time.monotonic() - started)

    def _open(self, path: Path) -> Bundle:
        """A bundle that has painted once. Raises: BundleError, also where only its networks cannot be built."""
        try:
            bundle = self._load(path)
            bundle.warm_up()
        except BundleError:
            raise
        except Exception as error:  # a stranger's arrays can fail in any way, inside zipfile, Keras or TensorFlow
            logger.exception("%s cannot be loaded.", path)
            raise BundleError(
                f"{path} passes its checksums but cannot be loaded ({type(error).__name__}): train or import it again."
            ) from error
        return bundle

    def at_hand(self, version: str) -> None:
        """Load a version beside the one that serves, so that what is asked of it next comes at once.

        Raises: as `paint` does.
        """
        self._bundle(version)

    def paint(self, recipe: Recipe, timeout: float = ANSWER_SECONDS) -> Image:
        """Paint one galaxy: (H, W, 3) uint8.

        Raises: Busy if nothing is loaded yet, the queue is full or the answer takes longer than `timeout` seconds;
        BundleError if the recipe's version cannot be loaded.
        """
        image: Image = self.paint_many([recipe], timeout)[0]
        return image

    def paint_many(self, recipes: Sequence[Recipe], timeout: float = ANSWER_SECONDS) -> Image:
        """Paint galaxies of one resolution, at least one: (N, H, W, 3) uint8, in their order.

        Each takes its own place on the queue, so others are not kept waiting for a batch that is larger than theirs.
        Raises: as `paint` does; `timeout` is for all of them together.
        """
        return np.stack(self._ask([_Job(self._bundle(recipe.version), recipe) for recipe in recipes], timeout))

    def features(self, version: str, image: Image, timeout: float = ANSWER_SECONDS) -> Features:
        """Encode one image (H, W, 3) uint8 by the encoder of a version: (d,) float32.

        Raises: as `paint` does.
        """
        features: Features = self.features_many(version, image[None], timeout)[0]
        return features

    def features_many(self, version: str, images: Image, timeout: float = ANSWER_SECONDS) -> Features:
        """Encode images (N, H, W, 3) uint8, at least one, by the encoder of a version: (N, d) float32.

        Raises: as `paint_many` does.
        """
        bundle = self._bundle(version)
        return np.stack(self._ask([_Job(bundle, image) for image in images], timeout))

    def _ask(self, jobs: list[_Job], timeout: float) -> list[Any]:
        self._run("model", self._work)
        deadline = time.monotonic() + timeout
        try:
            for job in jobs:
                self._queue.put_nowait(job)
            return [job.future.result(max(0.0, deadline - time.monotonic())) for job in jobs]
        except Full:
            raise Busy("Many galaxies are being painted right now; try again in a moment.", retry_after=2) from None
        except TimeoutError:
            raise Busy("The generator took too long to answer; try again in a moment.", retry_after=5) from None
        finally:
            for job in jobs:
                job.future.cancel()  # what nobody waits for any more costs nothing; what is done stays done

    def _bundle(self, version: str) -> Bundle:
        current = self._current
        if current is None:
            self.start()
            raise Busy("The generator is still warming up; try again in a few seconds.", retry_after=5)
        if current.version == version:
            return current
        path = settings.MODELS_STORE / version
        with self._loading:  # two downloads of the same old galaxy load its version once
            stamp = _stamp(path)
            if version not in self._old or stamp not in (0, self._stamps.get(version, stamp)):
                self._keep(self._open(path))
                self._stamps[version] = stamp
            self._old.move_to_end(version)
            return self._old[version]

    def _keep(self, bundle: Bundle) -> None:
        self._old[bundle.version] = bundle
        while len(self._old) > OLD_BUNDLES:
            self._old.popitem(last=False)

    def _work(self) -> None:
        """The model thread: the only one that runs networks."""
        while (job := self._queue.get()) is not None:
            batches = {(id(job.bundle), type(job.ask)): [job]}
            stop = False
            deadline = time.monotonic() + GATHER_SECONDS
            for _ in range(MAX_BATCH - 1):
                try:
                    more = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
                except Empty:
                    break
                if more is None:
                    stop = True
                    break
                batches.setdefault((id(more.bundle), type(more.ask)), []).append(more)
            for batch in batches.values():
                _answer(batch)
            if stop:
                return

    def _watch(self, on_boot_failure: Callable[[], None] | None) -> None:
        """The watching thread: follow the active version."""
        try:
            while True:
                try:
                    self._follow_active()
                except DatabaseError as error:
                    logger.warning("The active model version could not be read, will try again: %s", error)
                except Exception as error:
                    # Whatever is wrong with the new bundle, the old one goes on serving.
                    self._refused = str(error)
                    logger.error("%s", error, exc_info=not isinstance(error, BundleError))
                    if self._current is None and on_boot_failure:
                        on_boot_failure()
                if self._stopping.wait(WATCH_SECONDS):
                    return
                close_old_connections()
        finally:
            connection.close()

    def _follow_active(self) -> None:
        """Load the active version if it is not the one last tried: a refused bundle is not tried every few seconds.

        Activated again, it is: its folder may have been restored.
        """
        active = ModelVersion.active()
        if active is None or (active.version, active.checksum, active.activated) == self._seen:
            return
        served = self._seen and not self._refused and (active.version, active.checksum) == self._seen[:2]
        self._seen = (active.version, active.checksum, active.activated)
        self._refused = ""
        if not served:
            self.load(active.path)


def _stamp(path: Path) -> int:
    """Differs where another bundle has taken the place of one that was deleted; 0 if there is none."""
    try:
        return (path / MANIFEST).stat().st_mtime_ns
    except OSError:
        return 0


def _answer(batch: list[_Job]) -> None:
    """Run jobs of one bundle and of one kind."""
    jobs = [job for job in batch if job.future.set_running_or_notify_cancel()]
    if not jobs:
        return
    bundle, asks = jobs[0].bundle, [job.ask for job in jobs]
    recipes = [ask for ask in asks if isinstance(ask, Recipe)]
    images = [ask for ask in asks if not isinstance(ask, Recipe)]
    try:
        answers = _paint(bundle, recipes) if recipes else bundle.features(np.stack(images))
    except Exception as error:  # belongs to the requests that wait; the thread must live on
        for job in jobs:
            job.future.set_exception(error)
    else:
        for job, answer in zip(jobs, answers, strict=True):
            job.future.set_result(answer)


def _paint(bundle: Bundle, recipes: list[Recipe]) -> Image:
    return bundle.sample(
        [recipe.cluster for recipe in recipes],
        [recipe.seed for recipe in recipes],
        [recipe.psi for recipe in recipes],
        clusters2=[recipe.cluster if recipe.cluster2 is None else recipe.cluster2 for recipe in recipes],
        seeds2=[recipe.seed if recipe.seed2 is None else recipe.seed2 for recipe in recipes],
        mix=[recipe.mix or 0.0 for recipe in recipes],
    )


@cache
def service() -> Service:
    """This process's generator."""
    return Service()
