from typing import Any, cast

from django import forms

from galaxies.models import DEFAULT_PSI, MAX_PSI, MAX_SEED, MIN_PSI, ModelVersion


class GenerateForm(forms.Form):
    """What the studio asks for. All may be left empty: any family, a new seed, the usual variety."""

    cluster = forms.TypedChoiceField(required=False, coerce=int, empty_value=None)
    seed = forms.IntegerField(required=False, min_value=0, max_value=MAX_SEED)
    psi = forms.FloatField(label="Variety", required=False, min_value=MIN_PSI, max_value=MAX_PSI, initial=DEFAULT_PSI)

    def __init__(self, version: ModelVersion | None, data: Any = None) -> None:
        super().__init__(data)
        families = version.families if version else []
        cluster = cast(forms.TypedChoiceField, self.fields["cluster"])
        cluster.choices = [(family["id"], family["name"]) for family in families]
        cluster.error_messages["invalid_choice"] = "There is no such family; choose one of those shown."
        for name, low, high in (("seed", 0, MAX_SEED), ("psi", MIN_PSI, MAX_PSI)):
            for key in ("invalid", "min_value", "max_value"):
                self.fields[name].error_messages[key] = f"Use a number from {low} to {high}."

    def clean_psi(self) -> float:
        """Two decimals, as the slider has: so a recipe that was typed off is the recipe that was painted."""
        psi: float | None = self.cleaned_data["psi"]
        return DEFAULT_PSI if psi is None else round(psi, 2)
