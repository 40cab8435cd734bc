"""What Ray Serve runs: replicas of the generator, each with the bundles of its node. Their number follows the load.

    serve.run(application(least=1, most=4))         # manage.py serve_generator

Serve queues (and refuses what is beyond `max_queued_requests` by 503), batches, scales, restarts what has died and lets
a replica that goes finish what it has. A replica follows the active version as a process of the site does, through
galaxies.serving.Service; NEBULAI_DATABASE_URL and, where hosts share their bundles, NEBULAI_S3_BUCKET are those of its
node. Requests: POST /sample (recipes as JSON), /features/<version> (an .npy of images), /ready/<version>.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from galaxies.cluster.connection import threads

if TYPE_CHECKING:
    from ray.serve import Application

    from galaxies.jobs import Image
    from galaxies.recipe import Recipe

NAME = "nebulai"  # of the application
BATCH = 32  # recipes
ONGOING = 8  # requests in a replica at once: what waits for the next batch while one runs
QUEUED = 64  # requests that wait for a replica at each proxy, beyond which it answers 503
DRAIN_SECONDS = 30.0
LOAD_SECONDS = 120.0


def application(least: int = 1, most: int = 4, cpus: int = 1) -> "Application":
    """Return the deployment of `least` to `most` replicas, each of which uses `cpus` threads."""
    deployment = serve.deployment(
        max_ongoing_requests=ONGOING,
        max_queued_requests=QUEUED,
        autoscaling_config={"min_replicas": least, "max_replicas": most, "target_ongoing_requests": 2},
        ray_actor_options={"num_cpus": cpus, "runtime_env": threads(cpus)},
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        health_check_period_s=2,
        health_check_timeout_s=20,
    )
    return deployment(Generator).bind()


class Generator:
    """A replica: the service of a process of the site, asked by HTTP."""

    def __init__(self) -> None:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nebulai.settings")
        import django

        django.setup()
        from galaxies.serving import Service

        self.service = Service()
        self.service.start()
        deadline = time.monotonic() + LOAD_SECONDS
        while self.service.version is None and time.monotonic() < deadline:  # nobody asks it before it can answer
            if self.service.refused:
                raise RuntimeError(self.service.refused)
            time.sleep(0.1)

    def check_health(self) -> None:
        """Tell Serve to replace this replica where a thread of the service has died."""
        if not self.service.lives:
            raise RuntimeError("A thread of the generator has died.")

    async def __call__(self, request: Request) -> Response:
        """Answer a request: 400 and 422 with the sentence of a ValueError and a BundleError, 503 where it is busy."""
        from galaxies.jobs import Busy
        from galaxies.ml.bundle import BundleError

        _, what, version = f"{request.url.path}/".split("/", 3)[:3]
        try:
            return Response(await self._answers[what](version.rstrip("/"), await request.body()))
        except Busy as error:
            return Response(str(error), 503, headers={"Retry-After": str(error.retry_after)})
        except BundleError as error:
            return Response(str(error), 422)
        except (KeyError, TypeError, ValueError) as error:
            return Response(str(error), 400)

    @property
    def _answers(self) -> dict[str, Callable[[str, bytes], Awaitable[bytes]]]:
        return {"sample": self._sample, "features": self._features, "ready": self._ready}

    async def _sample(self, _version: str, body: bytes) -> bytes:
        import numpy as np

        from galaxies.cluster.remote import packed

        answers = await asyncio.gather(*[self._batch(_recipe(each)) for each in json.loads(body)])
        images = []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
            images.append(answer)
        return packed(np.stack(images))

    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=0.0)
    async def _batch(self, recipes: "list[Recipe]") -> "list[Image | Exception]":
        """Sample what requests have brought meanwhile. Returns: the image of each, or its error."""
        return await asyncio.to_thread(_each, lambda some: list(self.service.sample_many(some)), recipes)

    async def _features(self, version: str, body: bytes) -> bytes:
        from galaxies.cluster.remote import packed, unpacked

        return packed(await asyncio.to_thread(self.service.features_many, version, unpacked(body)))

    async def _ready(self, version: str, _body: bytes) -> bytes:
        await asyncio.to_thread(self.service.at_hand, version)
        return b""


def _recipe(fields: dict[str, Any]) -> "Recipe":
    from galaxies.recipe import Recipe

    path, shares = (tuple((int(key), float(number)) for key, number in fields[name]) for name in ("path", "shares"))
    own = (fields["version"], fields["cluster"], fields["seed"], fields["psi"])
    return Recipe(*own, path=path, shares=shares, steer=fields["steer"])


def _each(run: Callable[[list[Any]], list[Any]], asks: list[Any]) -> list[Any]:
    """Return what `run` gives for all together; where it fails, for each alone, or its error."""
    try:
        return run(asks)
    except Exception as error:
        return [error] if len(asks) == 1 else [_each(run, [ask])[0] for ask in asks]
