"""What a list of galaxies shows, in which order."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _

from galaxies.measured import SLIDERS
from galaxies.models import ModelVersion

if TYPE_CHECKING:  # Django's own field takes no type argument, the stubs' does
    VersionChoiceField = forms.ModelChoiceField[ModelVersion]
else:
    VersionChoiceField = forms.ModelChoiceField


class VersionField(VersionChoiceField):
    """A model version by its name. PostgreSQL would fail on a null character instead of finding nothing."""

    def __init__(self) -> None:
        super().__init__(ModelVersion.objects.defer("metrics"), required=False, to_field_name="version")

    def to_python(self, value: Any) -> Any:
        ProhibitNullCharactersValidator()(value)
        return super().to_python(value)


class PageForm(forms.Form):
    """Model, family and page number of a list. Values that are not valid answer 404.

    family: what the select sends, "NAME:3" for a family and "NAME:" for all of a model, because numbers of families
    mean something within a model only; it stands for `version` and `cluster`.
    """

    version = VersionField()
    cluster = forms.IntegerField(required=False, min_value=0, max_value=32767)
    family = forms.CharField(required=False, max_length=80)
    page = forms.IntegerField(required=False, min_value=1, max_value=1_000_000)

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if family := values.get("family"):
            name, _colon, number = family.partition(":")
            values["version"] = self.fields["version"].clean(name)
            values["cluster"] = self.fields["cluster"].clean(number)
        return values


class GalleryForm(PageForm):
    """Order of the gallery, and the least and most of each of galaxies.measured.SLIDERS: a slider's end is no bound."""

    order = forms.ChoiceField(
        required=False,
        choices=[
            ("new", _("Newest")),
            ("best", _("Best liked")),
            ("-half_light_share", _("Largest")),
            ("half_light_share", _("Smallest")),
            ("axis_ratio", _("Most elongated")),
            ("-axis_ratio", _("Roundest")),
            ("colour", _("Bluest")),
            ("-colour", _("Reddest")),
            ("-concentration", _("Most concentrated")),
            ("concentration", _("Least concentrated")),
            ("-brightness", _("Brightest")),
            ("brightness", _("Faintest")),
        ],
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for name in SLIDERS:
            for end in ("least", "most"):
                self.fields[f"{name}_{end}"] = forms.FloatField(required=False)

    def clean_order(self) -> str:
        return self.cleaned_data["order"] or "new"

    @property
    def ranges(self) -> dict[str, tuple[float | None, float | None]]:
        """Least and most of each measure that is bounded."""
        found = {}
        for name, slider in SLIDERS.items():
            least, most = (self.cleaned_data[f"{name}_{end}"] for end in ("least", "most"))
            least = None if least is None or least <= slider.low else least
            most = None if most is None or most >= slider.high else most
            if (least, most) != (None, None):
                found[name] = (least, most)
        return found

    def sliders(self) -> list[dict[str, Any]]:
        """Return each slider with its two values, as the page shows them."""
        return [
            {"name": name, "slider": slider, **{
                end: self.cleaned_data[f"{name}_{end}"] if self.cleaned_data[f"{name}_{end}"] is not None else limit
                for end, limit in (("least", slider.low), ("most", slider.high))
            }}
            for name, slider in SLIDERS.items()
        ]  # fmt: skip


class ScatterForm(forms.Form):
    x = forms.ChoiceField(label=_("Across"), choices=[(name, each.title) for name, each in SLIDERS.items()])
    y = forms.ChoiceField(label=_("Upwards"), choices=[(name, each.title) for name, each in SLIDERS.items()])


class MineForm(PageForm):
    show = forms.ChoiceField(required=False, choices=[("made", _("Made by you")), ("liked", _("Liked by you"))])

    def clean_show(self) -> str:
        return self.cleaned_data["show"] or "made"
