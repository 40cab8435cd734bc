"""Measure what a visitor waits for: python bench/generate.py

One POST /generate, without and with the crowd's pick out of 8, beside one bare forward pass of the same model, in one
process and one run, and a full batch of 32. The active model generates; the preference model of the pick is made up,
and the database and the stored images are thrown away.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 60


def median(work: Callable[[], object]) -> float:
    """Milliseconds of a call: the median over ROUNDS."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) * 1000


def main(folder: str) -> None:
    os.environ |= {
        "NEBULAI_DATA_DIR": folder,
        "NEBULAI_RATE_LIMITS": "off",
        "DJANGO_SETTINGS_MODULE": "nebulai.settings",
    }
    import django

    django.setup()
    from django.core.management import call_command
    from django.test import Client

    from galaxies.ml.bundle import load_bundle
    from galaxies.models import ModelVersion, PreferenceModel
    from galaxies.serving import service

    call_command("prepare")
    version = ModelVersion.active()
    if version is None:
        sys.exit("There is no model to measure: train one first.")
    service().load(version.path)
    bundle = load_bundle(version.path)
    client = Client(headers={"host": "localhost"})
    form = {"cluster": "0", "psi": "0.8"}
    coefficients = [0.01] * bundle.real.features.shape[1]
    PreferenceModel.objects.create(
        encoder_checksum=version.encoder_checksum,
        n_votes=0,
        n_galaxies=0,
        auc=0,
        coefficients=coefficients,
        intercept=0,
    )

    def visit(**more: str) -> None:
        response = client.post("/generate", form | more, headers={"HX-Request": "true"})
        if b"data-galaxy-id" not in response.content or (b"out of 8" in response.content) != bool(more):
            sys.exit(f"POST /generate answered {response.status_code} without the galaxy that was asked for.")

    visit()
    bare = median(lambda: bundle.sample([0], [1], 0.8))
    full = median(lambda: bundle.sample([0] * 32, list(range(32)), 0.8))
    post = median(visit)
    pick = median(lambda: visit(pick="on"))
    print(f"{version}, {bundle.resolution} px, medians of {ROUNDS}")
    print(f"bare forward pass            {bare:7.1f} ms")
    print(f"bare forward pass, 32 images {full:7.1f} ms, {32_000 / full:.0f} images/s")
    print(f"POST /generate with htmx     {post:7.1f} ms, {post / bare:.1f} x the bare pass")
    print(f"the same with crowd's pick   {pick:7.1f} ms, {pick / post:.1f} x without")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    with tempfile.TemporaryDirectory() as temporary:
        main(temporary)
