"""Measure manage.py generate: python bench/sets.py [COUNT] [BUNDLE]

Each format stands beside the bare batches that are sampled just before and just after it, in one process and one run,
so that other work on the machine weighs on both. Then the start of a resumed set, and measuring on one core.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from figures import keep


def main(count: int, path: Path) -> None:
    from galaxies.ml.bundle import family_of, load_bundle
    from galaxies.ml.measurements import measure_galaxies
    from galaxies.ml.sets import SetPlan, generate_set
    from galaxies.ml.sets.catalogue import NAME, PARTS

    bundle = load_bundle(path)
    shares = [family.share for family in bundle.families]
    clusters = [family_of(seed, shares) for seed in range(count)]
    bundle.sample(clusters[:32], list(range(32)), 0.8)

    def bare() -> float:
        started = time.perf_counter()
        for start in range(0, count, 32):
            some = list(range(start, min(start + 32, count)))
            bundle.sample([clusters[seed] for seed in some], some, 0.8)
        return count / (time.perf_counter() - started)

    def made(fmt: str, folder: Path) -> tuple[float, float]:
        """Images per second, all in all and from the first image on."""
        first: list[float] = []
        started = time.perf_counter()
        plan = SetPlan.of(bundle, count=count, format=fmt)
        generate_set(bundle, plan, folder, report=lambda done: first.append(time.perf_counter()) if done == 1 else None)
        ended = time.perf_counter()
        return count / (ended - started), (count - 1) / (ended - first[0])

    cores = len(os.sched_getaffinity(0))
    print(f"{bundle.version}, {bundle.resolution} px, {count:,} images, {cores} cores, load {os.getloadavg()[0]:.1f}")
    before = bare()
    for fmt in ("webp", "hdf5", "webdataset"):
        with tempfile.TemporaryDirectory() as temporary:
            whole, steady = made(fmt, Path(temporary) / "set")
        after = bare()
        mean = (before + after) / 2
        note = f"{whole / mean:.0%} of bare batches ({before:.1f} and {after:.1f}); "
        keep(f"{count:,} as {fmt}", whole, "images/s", note=f"{note}{steady:.1f} once it runs, {steady / mean:.0%}")
        before = after
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "set"
        plan = SetPlan.of(bundle, count=128, shard=64)
        generate_set(bundle, plan, folder)
        lines = (folder / NAME).read_text().splitlines(keepends=True)  # as if it had been killed in its second shard
        (folder / PARTS).mkdir()
        (folder / PARTS / "00000.csv").write_text("".join(lines[1:65]))
        (folder / NAME).unlink()
        reports: list[float] = []
        started = time.perf_counter()
        generate_set(bundle, plan, folder, report=lambda done: reports.append(time.perf_counter()))
        keep("resume, from a loaded model to the next image", reports[1] - started, "s")
    images = bundle.sample(clusters[:32], list(range(32)), 0.8)
    started, cpu = time.perf_counter(), time.process_time()
    measure_galaxies(images)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    keep("measuring on one core", 32 / seconds, "images/s", note=f"{32 / used:.1f} per second of its time")
    keep("memory, at most", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, "MB")


if __name__ == "__main__":
    root = Path(__file__).parent.parent
    sys.path.insert(0, str(root))
    given = sys.argv[1:]
    main(int(given[0]) if given else 2000, Path(given[1]) if given[1:] else root / "models_store" / "sdss-256-g")
