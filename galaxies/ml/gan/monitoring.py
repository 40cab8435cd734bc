"""What is looked at while a GAN trains: its sample sheet, its KID, and each family's mean of w.

sampler = sheet_sampler(generator, 4096)                # sampler(path) writes a picture
kid = kid_meter(encode, real_features, counts, 1024)(generator)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from galaxies.ml.arrays import Features, Images, Labels
from galaxies.ml.bundle.inference import make_forward
from galaxies.ml.bundle.latents import normals
from galaxies.ml.bundle.sheets import COLUMNS, PSI, write_sheet
from galaxies.ml.evaluation.metrics import kernel_distance
from galaxies.ml.networks.generator import Generator

BATCH = 32


def kid_meter(
    encode: Callable[[Images], Features], real: Features, counts: npt.NDArray[np.int64], samples: int
) -> Callable[[Generator], float]:
    """Return a function generator -> KID of so many samples against real features, families in the shares of counts.

    Real are the training images: what is held out decides nothing here, so that `evaluate` sees it for the first time.
    Features are standardised by them: where they are small, KID's cubic kernel sees nothing but their mean.
    """
    mean, deviation = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)
    real = (real - mean) / deviation
    bounds = np.round(np.cumsum(counts) / counts.sum() * samples).astype(int)
    clusters = np.repeat(np.arange(len(counts)), np.diff(bounds, prepend=0))
    return lambda generator: kernel_distance(real, (encode(sample_fixed(generator, clusters)) - mean) / deviation)


def sample_fixed(generator: Generator, clusters: Labels) -> Images:
    """Return what a generator alone, without its stage, makes of fixed latents: families (N,) -> (N, R, R, 3) uint8."""
    forward, layout = make_forward(generator, [])
    labels = np.eye(generator.config.n_clusters, dtype=np.float32)[clusters]
    images = []
    for start in range(0, len(clusters), BATCH):
        n = len(labels[start : start + BATCH])
        z = np.stack([normals(seed, layout.z_dim) for seed in range(start, start + n)])
        noise = [normals(len(clusters) + start, n * s * s).reshape(-1, s, s, 1) for s in layout.sides]
        psi, style = np.ones((n, 1), np.float32), np.empty((n, 0), np.float32)
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


def sheet_sampler(generator: Generator, w_mean_samples: int) -> Callable[[Path], None]:
    """Return a function that writes the sample sheet: fixed latents, one row for each family."""
    forward, layout = make_forward(generator, [])
    k = generator.config.n_clusters

    def write(path: Path) -> None:
        set_w_mean(generator, w_mean_samples)
        rows = []
        for cluster in range(k):
            drawn = np.stack([normals(1000 * cluster + i, layout.count) for i in range(COLUMNS)])
            z, noise, style = layout.deal(drawn)
            labels = np.tile(np.eye(k, dtype="float32")[cluster], (COLUMNS, 1))
            rows.append(forward(z, labels, np.full((COLUMNS, 1), PSI, np.float32), noise, style).numpy())
        write_sheet(path, np.stack(rows))

    return write
