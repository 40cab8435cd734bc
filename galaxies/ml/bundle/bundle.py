"""What a trained model is on disk, and how it is used.

    bundle = load_bundle("models_store/sdss-256-c")
    images = bundle.sample(clusters=[3, 3], seeds=[42, 43], psi=0.8)     # (2, 256, 256, 3) uint8

A bundle holds arrays, images and JSON, nothing that runs: no pickle anywhere. Importing this module imports neither
TensorFlow nor scikit-learn, so that every command of the site starts quickly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Floats, Images, Labels
from galaxies.ml.bundle.files import MANIFEST, BundleError, verify
from galaxies.ml.bundle.latents import SEED_LIMIT, normals

if TYPE_CHECKING:
    from galaxies.ml.features.clusters import Clusters

BATCH = 32


@dataclass(frozen=True)
class Family:
    """A cluster as people see it; exemplars are generated images inside the bundle's folder."""

    id: int
    name: str
    sentence: str
    share: float
    exemplars: tuple[Path, ...]


@dataclass(frozen=True)
class RealFeatures:
    """What is kept of the real images: features (N, d) float32, held_out (N,) bool, clusters (N,) int."""

    features: Floats
    held_out: npt.NDArray[np.bool_]
    clusters: Labels


class _Blend(NamedTuple):
    """A recipe without its psi: mix 0 is the first latent alone, 1 the second."""

    cluster: int
    seed: int
    cluster2: int
    seed2: int
    mix: float


def load_bundle(path: str | Path) -> Bundle:
    """Check and open the bundle in the folder `path`; TensorFlow starts here.

    Raises: BundleError if a file is missing, damaged or of another format.
    """
    path = Path(path)
    bundle = Bundle(path, verify(path))
    try:
        bundle.networks()
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BundleError(f"{path / MANIFEST} does not describe its own weights: train or import it again.") from error
    return bundle


class Bundle:
    """A loaded model. All of its methods may be called from one thread at a time."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self.version = str(manifest["version"])
        self.n_clusters = int(manifest["n_clusters"])
        self.resolution = int(manifest["resolution"])
        self._forward: Callable[..., Any] | None = None

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Return all families, in the order of their ids."""
        return tuple(
            Family(f["id"], f["name"], f["sentence"], f["share"], tuple(self.path / e for e in f["exemplars"]))
            for f in self.manifest["families"]
        )

    @cached_property
    def clusters(self) -> Clusters:
        """Return the K-Means cut."""
        from galaxies.ml.features.clusters import Clusters

        arrays = self.arrays("clusters.npz")
        return Clusters(arrays["centroids"], arrays["mean"], arrays["axes"])

    @cached_property
    def real(self) -> RealFeatures:
        """Features of the real images, with which generated ones are compared."""
        arrays = self.arrays("features.npz")
        return RealFeatures(arrays["features"].astype(np.float32), arrays["held_out"], arrays["clusters"])

    def arrays(self, name: str) -> dict[str, Any]:
        """Return the arrays of one of the bundle's .npz files."""
        with np.load(self.path / name, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}

    def networks(self) -> Callable[..., Any]:
        """Return the compiled forward pass (z, labels, psi, noise, style) -> (N, R, R, 3) uint8, built once."""
        if self._forward is None:
            from galaxies.ml.bundle.inference import load_forward

            self._forward, self._layout = load_forward(self.manifest, self.arrays)
        return self._forward

    @cached_property
    def _encode(self) -> Callable[[Images], Floats]:
        from galaxies.ml.bundle.inference import load_encode

        return load_encode(self.manifest, self.arrays)

    def features(self, images: Images) -> Floats:
        """Return features (N, d) float32 of images (N, R, R, 3) uint8, by the bundle's encoder."""
        return self._encode(images)

    def assign(self, features: Floats) -> Labels:
        """Return the ids (N,) of the families that features (N, d) fall into."""
        return self.clusters.assign(features)

    def warm_up(self) -> None:
        """Run the forward pass alone and in a full batch, and the encoder, so that no visitor waits for them."""
        for size in (1, BATCH):
            images = self.sample([0] * size, [0] * size, 1.0)
        self.features(images[:1])

    def sample(
        self,
        clusters: Sequence[int],
        seeds: Sequence[int],
        psi: float | Sequence[float],
        *,
        clusters2: Sequence[int] | None = None,
        seeds2: Sequence[int] | None = None,
        mix: Sequence[float] | None = None,
    ) -> Images:
        """Return the images of N recipes: (N, R, R, 3) uint8.

        psi: truncation, one for all or one each. With clusters2, seeds2 and mix in [0, 1] each image is a blend: 0 is
        the first recipe alone, 1 the second.
        Raises: ValueError if the sequences differ in length or a cluster, seed or mix is out of range.
        """
        n = len(clusters)
        psis = np.broadcast_to(np.asarray(psi, np.float32), (n,))
        columns = (
            clusters,
            seeds,
            clusters if clusters2 is None else clusters2,
            seeds if seeds2 is None else seeds2,
            np.zeros(n, np.float32) if mix is None else np.asarray(mix, np.float32),
        )
        if any(len(column) != n for column in columns):
            raise ValueError("clusters, seeds and what they are blended with differ in length")
        blends = [_Blend(*row[:4], float(row[4])) for row in zip(*columns, strict=True)]
        self._check(blends)
        self.networks()
        parts = [np.empty((0, self.resolution, self.resolution, 3), np.uint8)]
        for start in range(0, n, BATCH):
            inputs = [self._inputs(blend) for blend in blends[start : start + BATCH]]
            parts.append(self._sample(inputs, psis[start : start + BATCH]))
        return np.concatenate(parts)

    def _check(self, blends: Sequence[_Blend]) -> None:
        if not all(0 <= c < self.n_clusters for blend in blends for c in (blend.cluster, blend.cluster2)):
            raise ValueError(f"a cluster is not in 0..{self.n_clusters - 1}")
        if not all(0 <= s < SEED_LIMIT for blend in blends for s in (blend.seed, blend.seed2)):
            raise ValueError("a seed is not in 0..2^63-1")
        if not all(0 <= blend.mix <= 1 for blend in blends):
            raise ValueError("a mix is not in [0, 1]")

    def _inputs(self, blend: _Blend) -> tuple[Floats, Floats]:
        """Return labels (k,), and all normals of the seed in one array: a blend turns from one normal to another."""
        count = self._layout.count
        labels, drawn = np.zeros(self.n_clusters, np.float32), normals(blend.seed, count)
        labels[blend.cluster] += 1 - blend.mix
        labels[blend.cluster2] += blend.mix
        if blend.mix > 0:
            angle = blend.mix * math.pi / 2
            other = normals(blend.seed2, count)
            drawn = np.float32(math.cos(angle)) * drawn + np.float32(math.sin(angle)) * other
        return labels, drawn

    def _sample(self, inputs: list[tuple[Floats, Floats]], psi: Floats) -> Images:
        labels = np.stack([labels for labels, _ in inputs])
        drawn = np.stack([drawn for _, drawn in inputs])
        z, noise, style = self._layout.deal(drawn)
        images: Images = self.networks()(z, labels, psi[:, None], noise, style).numpy()
        return images
