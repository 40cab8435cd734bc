"""A bundle whose networks run elsewhere, behind Ray Serve (galaxies.cluster.replica).

    bundle = RemoteBundle(Connection("ray://cluster:8000"), path)       # what galaxies.serving.Service loads

Queue, turns, deadlines and the hot swap stay those of galaxies.serving: a batch of it becomes a request. It is HTTP to
Serve's proxy and not Ray's own client, so that a process of the site needs no Ray, holds no session that a new head
would end, and may be of another Python than the cluster. A recipe gives the same image wherever and however often it is
sampled, so what a dying replica took with it is asked for again.
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import urllib3
from django.utils.translation import gettext_lazy as _
from urllib3.exceptions import HTTPError

from galaxies.jobs import Busy, Image
from galaxies.ml.arrays import Features
from galaxies.ml.bundle import BundleError
from galaxies.ml.bundle.latents import Steps
from galaxies.registry.sharing import NotAtHand

REQUESTS = 8  # batches that a process of the site has under way at once
CONNECT_SECONDS, READ_SECONDS = 2.0, 30.0
LOAD_SECONDS = 120.0  # until a replica has loaded a version
# Serve answers 500 where a replica died with a request, 502 and 504 where a proxy did, 503 where its queue is full.
AGAIN = urllib3.Retry(total=5, backoff_factor=0.2, status_forcelist=(500, 502, 504), allowed_methods=None,
                      raise_on_status=False)  # fmt: skip


class Connection:
    """The proxy of Ray Serve at "ray://host:port"; may be used by many threads at once."""

    def __init__(self, address: str) -> None:
        self.url = f"http://{address.removeprefix('ray://').rstrip('/')}"
        self._pool = urllib3.PoolManager(maxsize=REQUESTS, block=True, retries=AGAIN)

    def ask(self, path: str, body: bytes = b"", seconds: float = READ_SECONDS) -> bytes:
        """Send a request. Returns: the body of the answer.

        Raises: Busy where nobody can answer now; BundleError and ValueError as the bundle there does.
        """
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
        try:
            answer = self._pool.request("POST", self.url + path, body=body, timeout=timeout)
        except HTTPError as error:
            raise Busy(_("The generator does not answer; try again in a moment."), retry_after=5) from error
        if answer.status == 422:
            raise BundleError(answer.data.decode())
        if answer.status == 400:
            raise ValueError(answer.data.decode())
        if answer.status != 200:
            after = answer.headers.get("Retry-After", "")
            busy = _("Too many galaxies are waiting to be generated already; try again in a moment.")
            away = _("The generator does not answer; try again in a moment.")
            raise Busy(busy if answer.status == 503 else away, retry_after=int(after) if after.isdigit() else 5)
        return bytes(answer.data)


class RemoteBundle:
    """What galaxies.serving asks of a Bundle, answered by the cluster. path: its folder, named as the version."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self.version = path.name
        self._connection = connection

    def warm_up(self) -> None:
        """Let a replica load the version. Raises: BundleError if it cannot, NotAtHand if none answers."""
        try:
            self._connection.ask(f"/ready/{quote(self.version)}", seconds=LOAD_SECONDS)
        except Busy as error:
            raise NotAtHand(f"{self.version} cannot be loaded by the cluster at {self._connection.url}.") from error

    def sample(
        self,
        clusters: Sequence[int],
        seeds: Sequence[int],
        psi: Sequence[float],
        *,
        paths: Sequence[Steps],
        shares: Sequence[Mapping[int, float]],
        steer: Sequence[Mapping[str, float]],
    ) -> Image:
        """Return the images of N recipes: (N, H, W, 3) uint8. Raises: Busy, ValueError, BundleError."""
        pairs = [list(each.items()) for each in shares]
        columns = zip(clusters, seeds, psi, paths, pairs, steer, strict=True)
        names = ("cluster", "seed", "psi", "path", "shares", "steer")
        recipes = [{"version": self.version, **dict(zip(names, row, strict=True))} for row in columns]
        images: Image = unpacked(self._connection.ask("/sample", json.dumps(recipes).encode()))
        return images

    def features(self, images: Image) -> Features:
        """Return features (N, d) float32 of images (N, H, W, 3) uint8. Raises: as `sample`."""
        features: Features = unpacked(self._connection.ask(f"/features/{quote(self.version)}", packed(images)))
        return features


def packed(array: np.ndarray[Any, Any]) -> bytes:
    """Return an array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def unpacked(content: bytes) -> Any:
    """Return the array of the bytes of an .npy file."""
    return np.load(io.BytesIO(content), allow_pickle=False)
