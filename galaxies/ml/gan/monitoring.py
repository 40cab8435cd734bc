"""What is looked at while a GAN trains: its sample sheet, its KID, and each family's mean of w.

sampler = sheet_sampler(generator, 4096)                # sampler(path) writes a picture
kid = kid_meter(encode, real_features, counts, 1024)(generator)
numbers = full_size_meter(extractor, images, generator, stage, families=families)()     # after the stage
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Features, Floats, Images, Labels
from galaxies.ml.bundle.inference import make_forward
from galaxies.ml.bundle.latents import normals
from galaxies.ml.bundle.sheets import COLUMNS, PSI, write_sheet
from galaxies.ml.evaluation.extractors import Extractor
from galaxies.ml.evaluation.metrics import kernel_distance
from galaxies.ml.evaluation.spectra import log_power
from galaxies.ml.features.pretrained import LITE0, load_pretrained
from galaxies.ml.networks.generator import Generator
from galaxies.ml.networks.layers import to_float
from galaxies.ml.networks.styled_stage import StyledStage

BATCH = 32
SEEN_KID = "kid_seen"


def kid_meter(
    encode: Callable[[Images], Features], real: Features, counts: npt.NDArray[np.int64], samples: int
) -> Callable[[Generator], float]:
    """Return a function generator -> KID of so many samples against real features, families in the shares of counts.

    Real are the training images: what is held out decides nothing here, so that `evaluate` sees it for the first time.
    Features are standardised by them: where they are small, KID's cubic kernel sees nothing but their mean.
    """
    mean, deviation = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)
    real = (real - mean) / deviation
    clusters = in_shares(counts, samples)
    return lambda generator: kernel_distance(real, (encode(sample_fixed(generator, clusters)) - mean) / deviation)


def full_size_meter(
    extractor: Extractor,
    training: Images,
    generator: Generator,
    stage: StyledStage,
    *,
    families: Labels,
    samples: int = 256,
    seed: int = 0,
) -> Callable[[], dict[str, float]]:
    """Return a function that measures what the stage makes of the generator's images, beside training images.

    kid: by the extractor, as `evaluate` sees them; SEEN_KID: by Lite0, through which the stage is trained, so that what
    evaluates need not choose; power, spread: of the finest band of luminance, geometric mean and
    deviation over images, generated / real. training: (N, R, R, 3) uint8, of which four times `samples` are looked at;
    families: (N,). Raises: ExtractorUnavailable if the images are too small for the extractor.
    """
    extractor.check(min(training.shape[1:3]))
    rows = np.sort(np.random.default_rng(seed).permutation(len(training))[: 4 * samples])
    real = np.asarray(training[rows])
    seen = seen_extractor()
    features, seen_features, grain = extractor(real), seen(real), finest_power(real)
    clusters = in_shares(np.bincount(families, minlength=generator.config.n_clusters), samples)

    def measure() -> dict[str, float]:
        images = sample_fixed(generator, clusters, [stage])
        found = finest_power(images)
        power, spread = 10.0 ** (found.mean() - grain.mean()), found.std() / max(grain.std(), 1e-6)
        return {
            "kid": kernel_distance(features, extractor(images)),
            SEEN_KID: kernel_distance(seen_features, seen(images)),
            "power": float(power),
            "spread": float(spread),
        }

    return measure


def seen_extractor() -> Extractor:
    """Return the pooled features of Lite0, at the images' own side."""
    network = load_pretrained(LITE0)
    return Extractor(lambda images: network.pooled(to_float(images)).numpy(), name="lite0", version="1", batch=BATCH)


def finest_power(images: Images) -> Floats:
    """Return log10 of the power (N,) in the finest band of luminance of images (N, R, R, 3) uint8."""
    return np.concatenate([log_power(images[i : i + BATCH])[:, 0, -1] for i in range(0, len(images), BATCH)])


def in_shares(counts: npt.NDArray[np.int64], samples: int) -> Labels:
    """Return so many families (samples,), each as often as its share of the counts (k,)."""
    bounds = np.round(np.cumsum(counts) / counts.sum() * samples).astype(int)
    return np.repeat(np.arange(len(counts)), np.diff(bounds, prepend=0))


def sample_fixed(generator: Generator, clusters: Labels, stages: Sequence[StyledStage] = ()) -> Images:
    """Return what a generator and the stages make of fixed latents: families (N,) -> (N, R, R, 3) uint8."""
    forward, layout = make_forward(generator, stages)
    labels = np.eye(generator.config.n_clusters, dtype=np.float32)[clusters]
    images = []
    for start in range(0, len(clusters), BATCH):
        n = len(labels[start : start + BATCH])
        z = np.stack([normals(seed, layout.z_dim) for seed in range(start, start + n)])
        noise = [normals(len(clusters) + start, n * s * s).reshape(-1, s, s, 1) for s in layout.sides]
        style = normals(2 * len(clusters) + start, n * layout.style).reshape(n, layout.style)
        psi = np.ones((n, 1), np.float32)
        images.append(forward(z, labels[start : start + n], psi, noise, style).numpy())
    return np.concatenate(images)


def set_w_mean(generator: Generator, samples: int) -> None:
    """Set each family's mean of w, towards which truncation pulls, from so many latents."""
    k, z_dim = generator.config.n_clusters, generator.config.z_dim
    z = normals(0, samples * z_dim).reshape(-1, z_dim)
    means = [
        np.asarray(generator.map(z, np.tile(np.eye(k, dtype="float32")[c], (len(z), 1)))).mean(0) for c in range(k)
    ]
    generator.w_mean.assign(np.stack(means))


def sheet_sampler(
    generator: Generator, w_mean_samples: int, stages: Sequence[StyledStage] = ()
) -> Callable[[Path], None]:
    """Return a function that writes the sample sheet: fixed latents, one row for each family.

    w_mean_samples: latents that the mean of w is taken over each time; 0 where it is known.
    """
    forward, layout = make_forward(generator, stages)
    k = generator.config.n_clusters

    def write(path: Path) -> None:
        if w_mean_samples:
            set_w_mean(generator, w_mean_samples)
        rows = []
        for cluster in range(k):
            drawn = np.stack([normals(1000 * cluster + i, layout.count) for i in range(COLUMNS)])
            z, noise, style = layout.deal(drawn)
            labels = np.tile(np.eye(k, dtype="float32")[cluster], (COLUMNS, 1))
            rows.append(forward(z, labels, np.full((COLUMNS, 1), PSI, np.float32), noise, style).numpy())
        write_sheet(path, np.stack(rows))

    return write
