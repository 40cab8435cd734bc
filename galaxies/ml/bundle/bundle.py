"""What a trained model is on disk, and how it is used.

    bundle = load_bundle("models_store/sdss-256-c")
    images = bundle.sample(clusters=[3, 3], seeds=[42, 43], psi=0.8)     # (2, 256, 256, 3) uint8

A bundle holds arrays, images and JSON, nothing that runs: no pickle anywhere. Importing this module imports neither
TensorFlow nor scikit-learn, so that every command of the site starts quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Floats, Images, Labels
from galaxies.ml.bundle.directions import DIRECTIONS
from galaxies.ml.bundle.files import MANIFEST, BundleError, verify
from galaxies.ml.bundle.latents import MAX_STEPS, SEED_LIMIT, Mixture, Steps, draw, normals, walk

if TYPE_CHECKING:
    from galaxies.ml.features.clusters import Clusters

BATCH = 32
AT_ONCE = 8  # of a batch that are in memory together: in 0.2 GB less than all 32, for a few percent of time
FIND = "; manage.py find_directions {} finds those that there are."


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


class _Ask(NamedTuple):
    """A recipe without its psi. shares: of each family; steer: how far along each direction, in standard deviations."""

    shares: Mapping[int, float]
    seed: int
    path: Steps
    steer: Mapping[str, float]


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
    def directions(self) -> dict[str, Floats]:
        """Return what one standard deviation along each direction adds to w, (w_dim,), by name; {} without any."""
        if DIRECTIONS not in self.manifest.get("files", {}):
            return {}
        return {name: array.astype(np.float32) for name, array in self.arrays(DIRECTIONS).items()}

    def steered_by(self, directions: Mapping[str, Floats]) -> Bundle:
        """Return the same model with other directions, to try them."""
        other = copy(self)
        other.__dict__["directions"] = dict(directions)
        return other

    def styles(self, clusters: Sequence[int], seeds: Sequence[int]) -> Floats:
        """Return w (N, w_dim) of N recipes, before truncation."""
        from galaxies.ml.bundle.inference import load_generator

        generator = load_generator(self.manifest, self.arrays)
        z = np.stack([normals(seed, generator.config.z_dim) for seed in seeds])
        return np.asarray(generator.map(z, np.eye(self.n_clusters, dtype=np.float32)[list(clusters)]), np.float32)

    @cached_property
    def _encode(self) -> Callable[[Images], Floats]:
        from galaxies.ml.bundle.inference import load_encode

        return load_encode(self.manifest, self.arrays)

    def features(self, images: Images) -> Floats:
        """Return features (N, d) float32 of images (N, R, R, 3) uint8, by the bundle's encoder.

        Raises: NoNumbers; MemoryError.
        """
        return self._encode(images)

    def assign(self, features: Floats) -> Labels:
        """Return the ids (N,) of the families that features (N, d) fall into."""
        return self.clusters.assign(features)

    def warm_up(self) -> None:
        """Run the forward pass alone and in a full batch of all families, and the encoder: no visitor waits for them.

        Raises: NoNumbers, of weights that are none; MemoryError.
        """
        for size in (1, BATCH):
            images = self.sample([number % self.n_clusters for number in range(size)], [0] * size, 1.0)
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
        paths: Sequence[Steps] | None = None,
        shares: Sequence[Mapping[int, float]] | None = None,
        steer: Sequence[Mapping[str, float]] | None = None,
    ) -> Images:
        """Return the images of N recipes: (N, R, R, 3) uint8.

        psi: truncation, one for all or one each. paths: steps (seed, weight) from the latent of each seed. shares: of
        families, adding up to 1, instead of clusters alone. steer: by the names of directions, in standard deviations.
        With clusters2, seeds2 and mix in [0, 1] each image is a blend: 0 is the first recipe alone, 1 the second.
        Raises: ValueError if the sequences differ in length or a cluster, seed, weight or mix is out of range;
        BundleError if the model has no such direction; NoNumbers if a pixel is none; MemoryError.
        """
        n = len(clusters)
        psis = np.broadcast_to(np.asarray(psi, np.float32), (n,))
        columns = (
            clusters,
            seeds,
            clusters if clusters2 is None else clusters2,
            seeds if seeds2 is None else seeds2,
            [0.0] * n if mix is None else [float(each) for each in mix],
            [()] * n if paths is None else paths,
            [{}] * n if shares is None else shares,
            [{}] * n if steer is None else steer,
        )
        if any(len(column) != n for column in columns):
            raise ValueError("clusters, seeds and what they are blended with differ in length")
        asks = [_ask(*row) for row in zip(*columns, strict=True)]
        self._check(asks)
        self.networks()
        parts = [np.empty((0, self.resolution, self.resolution, 3), np.uint8)]
        for start in range(0, n, AT_ONCE):
            parts.append(self._sample(asks[start : start + AT_ONCE], psis[start : start + AT_ONCE]))
        return np.concatenate(parts)

    def _check(self, asks: Sequence[_Ask]) -> None:
        if not all(0 <= cluster < self.n_clusters for ask in asks for cluster in ask.shares):
            raise ValueError(f"a cluster is not in 0..{self.n_clusters - 1}")
        if not all(0 <= seed < SEED_LIMIT for ask in asks for seed in (ask.seed, *(seed for seed, _ in ask.path))):
            raise ValueError("a seed is not in 0..2^63-1")
        if not all(0 <= share <= 1 for ask in asks for share in (*ask.shares.values(), *(w for _, w in ask.path))):
            raise ValueError("a mix or a weight is not in [0, 1]")
        if not all(len(ask.path) <= MAX_STEPS for ask in asks):
            raise ValueError(f"a path has more than {MAX_STEPS} steps")
        for ask in asks:
            self.check_steer(ask.steer)

    def check_steer(self, steer: Mapping[str, float]) -> None:
        """Raise BundleError if the model lacks one of these directions."""
        if unknown := sorted(steer.keys() - self.directions.keys()):
            raise BundleError(
                f"Model {self.version} has no direction “{unknown[0]}”: leave it out, or take a model that has it"
                + (f" ({', '.join(self.directions)} are there)." if self.directions else FIND.format(self.version))
            )

    def _sample(self, asks: Sequence[_Ask], psi: Floats) -> Images:
        labels = np.zeros((len(asks), self.n_clusters), np.float32)
        for row, ask in zip(labels, asks, strict=True):
            for cluster, share in ask.shares.items():
                row[cluster] += share
        latents: list[Mixture] = [walk(ask.seed, ask.path) for ask in asks]
        z, noise, style = self._layout.deal(draw(latents, self._layout.count))
        steer = np.stack([self._shift(ask.steer) for ask in asks]) if any(ask.steer for ask in asks) else None
        images: Images = self.networks()(z, labels, psi[:, None], noise, style, steer=steer).numpy()
        return images

    def _shift(self, steer: Mapping[str, float]) -> Floats:
        """Return what directions add to w: (w_dim,)."""
        shift: Floats = np.zeros(self.manifest["generator"]["w_dim"], np.float32)
        for name, amount in steer.items():
            shift = shift + np.float32(amount) * self.directions[name]
        return shift


def _ask(  # noqa: PLR0917  (the columns of sample, in their order)
    cluster: int,
    seed: int,
    cluster2: int,
    seed2: int,
    mix: float,
    path: Steps,
    shares: Mapping[int, float],
    steer: Mapping[str, float],
) -> _Ask:
    families = shares or ({cluster: 1.0} if cluster == cluster2 else {cluster: 1 - mix, cluster2: mix})
    return _Ask(families, seed, ((seed2, mix), *path) if mix else tuple(path), steer)
