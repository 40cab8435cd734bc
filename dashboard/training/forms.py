"""Forms to start a training run, and to resume one."""

from pathlib import Path
from typing import Any, cast

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from galaxies import preferences
from galaxies.ml.bundle import BundleError
from galaxies.ml.data.dataset import MINIMUM, DatasetError
from galaxies.ml.loop import TrainingError
from galaxies.models import ModelVersion
from galaxies.sentences import in_words
from galaxies.training import sources
from galaxies.training.request import CREDIT, Options, settings_of

PRESETS = {
    "small": _("small: 128 px, about five hours on two cores"),
    "standard": _("standard: 256 px, about sixteen hours on two cores"),
    "tiny": _("tiny: 32 px, a minute, to see whether all works"),
}
RESOLUTIONS = (16, 32, 64, 128, 256, 512)
DRAWN_CREDIT = "Galaxies drawn by this site from Sersic profiles and spiral arms; no photograph was used."
LONGEST = 30 * 24 * 60  # minutes
MOST_IMAGES = 1_000_000_000
MOST_DRAWN = 20_000
MOST_FAMILIES = 24


class BudgetForm(forms.Form):
    """The budget of a training. An empty field stands for the preset's, or for the run's own."""

    minutes = forms.FloatField(required=False, min_value=0.1, max_value=LONGEST)
    images_seen = forms.IntegerField(required=False, min_value=100, max_value=MOST_IMAGES)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for field in self.fields.values():
            if isinstance(field, forms.IntegerField):  # FloatField is one, too
                for key in ("invalid", "min_value", "max_value"):
                    field.error_messages[key] = _("Use a number from %(low)s to %(high)s.") % {
                        "low": number_format(str(field.min_value), force_grouping=True),
                        "high": number_format(str(field.max_value), force_grouping=True),
                    }

    def sentence(self) -> str:
        """All errors in one text."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class TrainingForm(BudgetForm):
    """A new training run. `options`: its options, once the form is valid."""

    images = forms.CharField(required=False, max_length=255, strip=False)
    drawn = forms.IntegerField(required=False, min_value=MINIMUM, max_value=MOST_DRAWN)
    preset = forms.ChoiceField(choices=list(PRESETS.items()))
    resolution = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    k = forms.IntegerField(required=False, min_value=2, max_value=MOST_FAMILIES)
    start = forms.ChoiceField(
        required=False, choices=[("", _("from scratch")), ("active", _("from the active version"))]
    )
    seed = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 2)
    credit = forms.CharField(required=False, max_length=300)
    prefer = forms.BooleanField(required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        resolution = cast(forms.TypedChoiceField, self.fields["resolution"])
        resolution.choices = [("", _("the preset's")), *((str(side), f"{side} px") for side in RESOLUTIONS)]
        self.active = ModelVersion.active()
        if not preferences.standing(self.active):
            del self.fields["prefer"]

    @staticmethod
    def fields_of(options: Options) -> dict[str, Any]:
        """Return what was filled in to get these options."""
        return {
            "images": Path(options.images).name if options.images else "",
            "drawn": options.synthetic,
            "preset": options.preset,
            "resolution": options.resolution and str(options.resolution),
            "k": options.k,
            "start": "active" if options.start_from else "",
            "seed": options.seed or None,
            "credit": "" if options.credit in (CREDIT, DRAWN_CREDIT) else options.credit,
            "minutes": options.budget_minutes,
            "images_seen": options.budget_images,
            "prefer": options.prefer,
        }

    def clean_images(self) -> str | None:
        """Return the path of the chosen images; None for drawn galaxies."""
        try:
            return str(sources.find(self.cleaned_data["images"])) if self.cleaned_data["images"] else None
        except DatasetError as error:
            raise forms.ValidationError(in_words(str(error))) from error

    def clean_start(self) -> str | None:
        """Return the name of the version to start from; None for from scratch."""
        if not self.cleaned_data["start"]:
            return None
        if self.active is None:
            raise forms.ValidationError(_("No version is active yet: start from scratch."))
        return self.active.version

    def clean(self) -> dict[str, Any]:
        """Check that the options go together, and set `options`."""
        given = super().clean() or self.cleaned_data
        if not self.errors:
            drawn = None if given["images"] else given["drawn"] or 2_000
            self.options = Options(
                images=given["images"],
                synthetic=drawn,
                preset=given["preset"],
                resolution=given["resolution"],
                k=given["k"],
                seed=given["seed"] or 0,
                budget_minutes=given["minutes"],
                budget_images=given["images_seen"],
                credit=given["credit"] or (DRAWN_CREDIT if drawn else CREDIT),
                start_from=given["start"],
                prefer=given.get("prefer", False),
            )
            try:
                settings_of(self.options)
            except (TrainingError, BundleError) as error:
                raise forms.ValidationError(in_words(str(error))) from error
        return given
