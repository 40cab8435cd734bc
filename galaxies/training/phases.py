"""The phases of a training run, for people.

title("warm_start")                                     # "Warm start: reconstructing real galaxies"
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

TITLES = {
    "reading": gettext_noop("Reading the images"),
    "encoder": gettext_noop("Encoder: learning which galaxies are alike"),
    "features": gettext_noop("Features of all images"),
    "families": gettext_noop("K-Means: dividing the images into families"),
    "feature_network": gettext_noop("Feature network: the encoder that the discriminator uses"),
    "warm_start": gettext_noop("Warm start: reconstructing real galaxies"),
    "adversarial": gettext_noop("Adversarial: generator against discriminator"),
    "refinement": gettext_noop("Refinement: generator against heads that have seen photographs"),
}
FORMER_NAMES = {"eyes": "feature_network"}  # in manifests and logs of earlier runs
STAGE = "stage_"  # and the resolution that a super-resolution stage leads to


def title(phase: str) -> str:
    """Return the title of a phase; one that is not of the training measures the model, and "" is before the first."""
    if phase.startswith(STAGE):
        return _("Super-resolution: to %(side)s px") % {"side": phase.removeprefix(STAGE)}
    known = TITLES.get(FORMER_NAMES.get(phase, phase))
    if known:
        return _(known)
    return _("Measuring: %(what)s") % {"what": phase} if phase else _("Getting ready")
