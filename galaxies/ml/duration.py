"""How long a training takes on this machine, about: what each phase took elsewhere, and how fast it convolves here.

seconds = expected_seconds(settings, measured_speed())
"""

from __future__ import annotations

from galaxies.ml.loop import ADVERSARIAL, STAGE, Budget
from galaxies.ml.presets import Settings

# Seconds an image, measured on two quiet cores with AVX-512 (docs/model.md, models_store/sdss-256-c/manifest.json).
SECONDS = {"encoder": 0.0124, "feature_network": 0.0036, "warm_start": 0.0109, "adversarial": 0.0148}
REFINEMENT_SECONDS, STAGE_SECONDS = 0.05, 0.08  # with heads on EfficientNet-Lite0, measured beside other work
TINY_SECONDS = {"encoder": 0.0006, "feature_network": 0.0006, "warm_start": 0.002, "adversarial": 0.004}
STARTING = 12.0  # seconds that each phase takes to trace its graph
REFERENCE_SECONDS = 0.0071  # a convolution's two passes, 2.7 GFLOP, at the 384 GFLOP/s of those cores


def expected_seconds(settings: Settings, speed: float) -> float:
    """Return about how many seconds a training takes. speed: 1 on the machine that the phases were measured on."""
    phases = [] if settings.start_at == STAGE else _phases_of_generator(settings)
    if settings.trains_stage:
        each = STAGE_SECONDS / (8 if settings.preset == "tiny" else 1)
        phases.append((each, settings.budget(settings.stage_images, settings.shares.super_resolution)))
    return sum(_seconds(each, budget, speed) + STARTING / speed for each, budget in phases)


def _phases_of_generator(settings: Settings) -> list[tuple[float, Budget]]:
    """Return seconds an image and budget of what comes before the stage."""
    shares, seconds = settings.shares, TINY_SECONDS if settings.preset == "tiny" else SECONDS
    refinement = REFINEMENT_SECONDS / (4 if settings.preset == "tiny" else 1)
    phases = [(refinement, settings.budget(settings.refinement_images, shares.refinement))]
    if settings.start_at == ADVERSARIAL:
        phases += [
            (seconds["feature_network"], settings.budget(settings.feature_network_images, shares.feature_network)),
            (seconds["adversarial"], settings.budget(settings.adversarial_images, shares.adversarial)),
        ]
    if not settings.started_from:
        phases.append((seconds["encoder"], settings.budget(settings.encoder_images, shares.encoder)))
        phases.append((seconds["warm_start"], settings.budget(settings.warm_start_images, shares.warm_start)))
    return phases


def _seconds(each: float, budget: Budget, speed: float) -> float:
    bounds = [(budget.images or 0) * each / speed] if budget.images else []
    bounds += [budget.minutes * 60] if budget.minutes else []
    return min(bounds, default=0.0)


def measured_speed() -> float:
    """Time a convolution and return how fast this machine is now. Imports TensorFlow."""
    from galaxies.ml.mixed_precision import convolution_seconds

    return REFERENCE_SECONDS / convolution_seconds()
