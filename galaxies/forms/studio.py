"""The studio's form."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from galaxies.measured import STEERED, SteeredValue
from galaxies.models import ModelVersion
from galaxies.recipe import (
    DEFAULT_PSI,
    MAX_PSI,
    MAX_SEED,
    MIN_PSI,
    RecipeError,
    pairs_as_text,
    read_path,
    read_shares,
    read_steer,
)

COUNTS = (1, 4, 9)  # galaxies generated at once

MOST_STEP = 3.0  # of a slider, in standard deviations: farther, a model has seen little


class PartField(forms.Field):
    """A part of a recipe as text, read by one of the functions of galaxies.recipe."""

    widget = forms.HiddenInput

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__(required=False)
        self._read = read

    def clean(self, value: Any) -> Any:
        try:
            return self._read(value or "")
        except RecipeError as error:
            raise forms.ValidationError(str(error)) from error


def _with_sliders(data: Any, names: Sequence[str]) -> Any:
    """Return the data of a form with the steps of `steer` as those of the sliders, for the names that have one."""
    if not data or not names:
        return data
    values = dict(data.items())
    try:
        steer = read_steer(values.get("steer", ""))
    except RecipeError:
        return values  # the field says what is wrong
    for name in names:
        values.setdefault(f"steer_{name}", steer.pop(name, 0.0))
        steer.pop(name, None)
    return values | {"steer": pairs_as_text(steer.items())}


class GenerateForm(forms.Form):
    """The studio's form. All fields may be empty: any family, a new seed, the usual variety.

    path, shares and steer bring back what else a recipe may hold, as long as seed and family stay.

    can_pick: whether there is a preference model to pick one of several galaxies; with a seed there is nothing to pick.
    """

    cluster = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    seed = forms.IntegerField(required=False, min_value=0, max_value=MAX_SEED)
    psi = forms.FloatField(
        label=_("Variety"), required=False, min_value=MIN_PSI, max_value=MAX_PSI, initial=DEFAULT_PSI
    )
    pick = forms.BooleanField(required=False)
    count = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[(each, each) for each in COUNTS],
        error_messages={"invalid_choice": _("Choose 1, 4 or 9.")},
    )
    path = PartField(read_path)
    shares = PartField(read_shares)
    steer = PartField(read_steer)

    def __init__(self, version: ModelVersion | None, data: Any = None, can_pick: bool = False) -> None:
        self.steerable = set(version.steering) if version else set()
        self.steered_by = [name for name in STEERED if version and name in version.steering]
        super().__init__(_with_sliders(data, self.steered_by))
        for name in self.steered_by:
            self.fields[f"steer_{name}"] = forms.FloatField(required=False, min_value=-MOST_STEP, max_value=MOST_STEP)
        if not can_pick:
            del self.fields["pick"]
        families = version.shown_families if version else []
        self.clusters = {family["id"] for family in families}
        cluster = cast(forms.TypedChoiceField, self.fields["cluster"])
        cluster.choices = [(family["id"], family["name"]) for family in families]
        cluster.error_messages["invalid_choice"] = _("There is no such family; choose one of those shown.")
        for name, low, high in (("seed", 0, MAX_SEED), ("psi", MIN_PSI, MAX_PSI)):
            for key in ("invalid", "min_value", "max_value"):
                self.fields[name].error_messages[key] = _("Use a number from %(low)s to %(high)s.") % {
                    "low": number_format(low),
                    "high": number_format(high),
                }

    def clean_psi(self) -> float:
        """Round to two decimals, as the slider has: so the recipe shown is exactly the recipe used."""
        psi: float | None = self.cleaned_data["psi"]
        return DEFAULT_PSI if psi is None else round(psi, 2)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        shares = dict(values.get("shares", ()))
        if not shares.keys() <= self.clusters:
            self.add_error("shares", _("There is no such family; choose one of those shown."))
        if values.get("seed") is None and not self.errors.get("seed"):
            values["path"] = ()  # a path begins at a seed
        elif values.get("seed", 0) + values.get("count", 1) - 1 > MAX_SEED:
            self.add_error("count", _("There are not so many seeds from this one on."))
        if values.get("cluster") not in shares:
            values["shares"] = ()  # another family was chosen
        steps = {name: values.get(f"steer_{name}") for name in self.steered_by}
        if unknown := values.get("steer", {}).keys() - self.steerable:
            not_so = _("This model is not steered by %(name)s: leave that out.")
            self.add_error("steer", not_so % {"name": min(unknown)})
        values["steer"] = {**values.get("steer", {}), **{name: step for name, step in steps.items() if step}}
        return values

    def sliders(self) -> list[tuple[SteeredValue, Any]]:
        """Return each value that galaxies are steered by, with its field."""
        return [(STEERED[name], self[f"steer_{name}"]) for name in self.steered_by]

    def clean_count(self) -> int:
        return self.cleaned_data["count"] or 1

    @property
    def picks(self) -> bool:
        """Whether to pick one of several galaxies."""
        whole = self.cleaned_data["seed"] is None and not self.cleaned_data.get("steer")
        return bool(self.cleaned_data.get("pick")) and whole
