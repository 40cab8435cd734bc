"""What visitors of a real site wait for: python bench/load.py [--galaxies 10000] [--seconds 20] [--workers 1]

A site of its own behind gunicorn, in a folder that is thrown away. How soon it starts; POST /generate by 1, 8 and 32
visitors at once (locust), beside the bare forward pass of the same model just before; what it holds in memory after its
start, after that, and after many galaxies.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).parent / "faults")]

import requests  # noqa: E402
from figures import keep, seconds_of  # noqa: E402
from harness import Site  # noqa: E402

from galaxies.ml.bundle import load_bundle  # noqa: E402
from galaxies.ml.bundle.bundle import Bundle  # noqa: E402

VISITORS = (1, 8, 32)
BARE_ROUNDS = 30


def bare(bundle: Bundle, batch: int) -> float:
    """Return the seconds of a bare forward pass from recipes, others each time."""
    starts = count(step=batch)

    def sample() -> None:
        start = next(starts)
        bundle.sample([0] * batch, list(range(start, start + batch)), 0.8)

    return seconds_of(sample, BARE_ROUNDS if batch == 1 else BARE_ROUNDS // 5)


def memory(site: Site) -> tuple[float, float]:
    """Return MB that a worker holds: the largest resident one, and its own part alone."""
    sizes = []
    for worker in site.workers():
        lines = dict(line.split(":", 1) for line in Path(f"/proc/{worker}/status").read_text().splitlines())
        sizes.append(tuple(int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")))
    return max(sizes)


def keep_memory(site: Site, when: str) -> None:
    """Keep what a worker holds now."""
    resident, own = memory(site)
    keep(f"memory of a worker, {when}", resident, "MB", note=f"{own:.0f} MB of it not shared with other workers")


def visits(site: Site, visitors: int, seconds: float, **environment: str) -> dict[str, Any]:
    """Let visitors come at once, and return locust's numbers by name."""
    command = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py")), "--headless"]
    command += ["--users", str(visitors), "--spawn-rate", str(visitors), "--run-time", f"{seconds:.0f}s"]
    command += ["--host", site.address, "--json", "--exit-code-on-error", "0", "--loglevel", "ERROR", "--only-summary"]
    done = subprocess.run(  # noqa: S603
        command, env=os.environ | environment, check=True, capture_output=True, text=True
    )
    return {entry["name"]: entry for entry in json.loads(done.stdout[done.stdout.index("[") :])}


def percentile(entry: dict[str, Any], share: float) -> float:
    """Return milliseconds in which this share of the answers came."""
    times = sorted((float(time), answers) for time, answers in entry["response_times"].items())
    wanted, seen = share * sum(answers for _time, answers in times), 0
    for milliseconds, answers in times:
        seen += answers
        if seen >= wanted:
            return milliseconds
    return 0.0


def generated(site: Site) -> int:
    return int(str(site.rows("SELECT COUNT(*) FROM galaxies_galaxy")[0][0]))


def under_load(site: Site, bundle: Bundle, seconds: float) -> None:
    """Measure POST /generate by several visitors at once."""
    for visitors in VISITORS:
        alone, best = bare(bundle, 1), 32 / bare(bundle, 32)
        found = visits(site, visitors, seconds)
        entry, busy = found["generate"], found.get("busy", {"num_requests": 0})["num_requests"]
        rate = entry["num_requests"] / (entry["last_request_timestamp"] - entry["start_time"])
        failed = sum(each["num_failures"] for each in found.values())
        note = f"p95 {percentile(entry, 0.95):.0f} ms; bare pass of one {alone * 1e3:.1f} ms; {rate:.1f}/s, "
        note += f"{rate / best:.0%} of bare batches of 32; {busy} times 503 with Retry-After, {failed} failed"
        keep(f"POST /generate, {visitors} at once, median", percentile(entry, 0.5), "ms", note=note)


def start(site: Site, workers: int) -> None:
    """Start the site, as harness.Site.start does, but with as many threads as a real one and a clock."""
    site.environment.pop("OMP_NUM_THREADS", None)
    gunicorn = [sys.executable, "-m", "gunicorn", "nebulai.wsgi", "--workers", str(workers)]
    began = time.monotonic()
    with site.log.open("ab") as log:
        site.process = subprocess.Popen(gunicorn, cwd=ROOT, env=site.environment, stdout=log, stderr=log)  # noqa: S603
    while not _lives(site):
        time.sleep(0.05)
    keep("start, until /healthz answers", time.monotonic() - began, "s")
    site.wait()
    keep("start, until the model is loaded and warm", time.monotonic() - began, "s")


def _lives(site: Site) -> bool:
    try:
        return requests.get(f"{site.address}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


def main(options: argparse.Namespace) -> None:
    bundle = load_bundle(options.bundle)
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), options.bundle)
        site.manage("prepare")
        try:
            start(site, options.workers)
            keep_memory(site, "after its start")
            under_load(site, bundle, options.seconds)
            keep_memory(site, "after that")
            while (left := options.galaxies - generated(site)) > 0:
                visits(site, 32, min(60, max(5, left / 40)))
            if options.galaxies:
                keep_memory(site, f"after {generated(site):,} galaxies")
        finally:
            site.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    newest = max(ROOT.glob("models_store/*/manifest.json")).parent
    parser.add_argument("--bundle", type=Path, default=newest)
    parser.add_argument("--galaxies", type=int, default=10_000, help="after which memory is looked at; 0 for none")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--workers", type=int, default=1)
    main(parser.parse_args())
