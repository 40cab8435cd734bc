"""From one galaxy on: its neighbours, and the way to another."""

import re
from contextlib import suppress
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from galaxies import generation
from galaxies.models import ID_ALPHABET, ID_LENGTH, Galaxy, ModelVersion
from galaxies.recipe import DEFAULT_PSI, MAX_SEED, Recipe
from galaxies.walks import MAX_BLEND, MAX_RADIUS, MIN_RADIUS, NEIGHBOURS, RADIUS, WalkError, between, plain

NO_END = _("Give the id, the address or the seed of a galaxy.")


class VaryForm(forms.Form):
    """How many neighbours of a galaxy, and how far from it."""

    radius = forms.FloatField(required=False, min_value=MIN_RADIUS, max_value=MAX_RADIUS)
    count = forms.IntegerField(required=False, min_value=1, max_value=NEIGHBOURS)

    def clean_radius(self) -> float:
        return round(self.cleaned_data["radius"] or RADIUS, 2)

    def clean_count(self) -> int:
        return self.cleaned_data["count"] or 1


class BlendForm(forms.Form):
    """Two galaxies or seeds and how many steps lead from one to the other.

    Once it is valid, it holds `version` and `recipes`, from one to the other. A seed takes model, family and variety
    from the galaxy at the other end.
    """

    a = forms.CharField(label=_("From the galaxy"), max_length=200)
    b = forms.CharField(label=_("To the galaxy"), max_length=200)
    steps = forms.IntegerField(label=_("Steps"), required=False, min_value=2, max_value=MAX_BLEND, initial=9)

    def __init__(self, version: ModelVersion | None, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        self.version = version
        for name in ("a", "b"):
            self.fields[name].error_messages["required"] = NO_END

    def clean_steps(self) -> int:
        return self.cleaned_data["steps"] or 9

    def clean_a(self) -> Galaxy | int:
        return _end(self.cleaned_data["a"])

    def clean_b(self) -> Galaxy | int:
        return _end(self.cleaned_data["b"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        ends = (values["a"], values["b"])
        galaxies = [each for each in ends if isinstance(each, Galaxy)]
        version = galaxies[0].model_version if galaxies else self.version
        if version is None:
            raise forms.ValidationError(_("No model has been trained yet; come back when the site has one."))
        seed = next((each for each in ends if isinstance(each, int)), 0)
        first = Recipe(version.version, generation.draw_cluster(version, seed), 0, DEFAULT_PSI)
        like = galaxies[0].recipe if galaxies else first
        start, end = (each.recipe if isinstance(each, Galaxy) else plain(like, each) for each in ends)
        values["version"] = version
        try:
            values["recipes"] = between(start, end, values["steps"])
        except WalkError as error:
            self.add_error("b", str(error))
        return values


def _end(text: str) -> Galaxy | int:
    """Return the galaxy that an id or an address names, or a seed."""
    if found := re.fullmatch(rf"(?:.*/g/)?([{ID_ALPHABET}]{{{ID_LENGTH}}})/?", text):
        with suppress(Galaxy.DoesNotExist):
            return Galaxy.objects.select_related("model_version").named(found[1])
    if text.isascii() and text.isdigit() and int(text) <= MAX_SEED:
        return int(text)
    raise forms.ValidationError(_("There is no such galaxy.") if found else NO_END)
