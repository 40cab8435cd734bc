"""The phases of a training run, for people.

title("warm_start")                                     # "Warm start: reconstructing real galaxies"
"""

TITLES = {
    "reading": "Reading the images",
    "encoder": "Encoder: learning which galaxies are alike",
    "features": "Features of all images",
    "families": "K-Means: dividing the images into families",
    "feature_network": "Feature network: the encoder that the discriminator uses",
    "warm_start": "Warm start: reconstructing real galaxies",
    "adversarial": "Adversarial: generator against discriminator",
    "refinement": "Refinement: generator against heads that have seen photographs",
}
FORMER_NAMES = {"eyes": "feature_network"}  # in manifests and logs of earlier runs
STAGE = "stage_"  # and the resolution that a super-resolution stage leads to


def title(phase: str) -> str:
    """Return the title of a phase; one that is not of the training measures the model, and "" is before the first."""
    if phase.startswith(STAGE):
        return f"Super-resolution: to {phase.removeprefix(STAGE)} px"
    return TITLES.get(FORMER_NAMES.get(phase, phase)) or (f"Measuring: {phase}" if phase else "Getting ready")
