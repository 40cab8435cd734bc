"""Measure what an evaluation costs here: python bench/evaluation.py

FID and KID on 2048-d features of 10,000 samples, precision and recall at 10,000 x 10,000, statmorph per image. Each
line is one run, so a busy machine shows; memory is the peak of the process so far.
"""

import resource
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from galaxies.ml.data.synthetic import draw
from galaxies.ml.evaluation import morphology
from galaxies.ml.evaluation.metrics import frechet_distance, kernel_distance_subsets, moments, prdc, two_sample_accuracy

IMAGES = 16


def timed(name: str, work: Callable[[], object], per: int = 1) -> None:
    """Run once and print seconds, divided by `per`, and the peak memory."""
    start = time.perf_counter()
    work()
    seconds = (time.perf_counter() - start) / per
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:55} {seconds:8.2f} s {memory:6.2f} GB", flush=True)


def main() -> None:
    rng = np.random.default_rng(0)
    real, fake = (rng.standard_normal((n, 2048), dtype=np.float32) for n in (1300, 10_000))
    timed("FID, 1,300 against 10,000, d = 2048, with moments", lambda: frechet_distance(*moments(real), *moments(fake)))
    timed("KID, 100 subsets of 650, d = 2048", lambda: kernel_distance_subsets(real, fake))
    timed("classifier, 2 x 1,300, d = 128", lambda: two_sample_accuracy(real[:, :128], fake[:, :128]))
    wide, other = (rng.standard_normal((10_000, 1000), dtype=np.float32) for _ in range(2))
    timed("precision, recall ..., 10,000 x 10,000, d = 1000", lambda: prdc(wide, other))
    for side in (64, 128, 256):
        images, _ = draw(IMAGES, side)
        timed(f"morphology of one image, {side} px, one process", partial(morphology.measure, images), IMAGES)


if __name__ == "__main__":
    main()
