"""Forms of the public pages."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from galaxies import generation
from galaxies.embedded import Elsewhere, NoRecipe, read_recipe
from galaxies.measured import SLIDERS, STEERED, SteeredValue
from galaxies.models import ID_ALPHABET, ID_LENGTH, Collection, Galaxy, ModelVersion
from galaxies.recipe import (
    DEFAULT_PSI,
    MAX_PSI,
    MAX_SEED,
    MIN_PSI,
    Recipe,
    RecipeError,
    pairs_as_text,
    read_path,
    read_shares,
    read_steer,
)
from galaxies.uploads import NotUsable, check_size
from galaxies.walks import MAX_BLEND, MAX_RADIUS, MIN_RADIUS, NEIGHBOURS, RADIUS, WalkError, between, plain

if TYPE_CHECKING:  # Django's own field takes no type argument, the stubs' does
    VersionChoiceField = forms.ModelChoiceField[ModelVersion]
else:
    VersionChoiceField = forms.ModelChoiceField

COUNTS = (1, 4, 9)  # galaxies generated at once
MOST_STEP = 3.0  # of a slider, in standard deviations: farther, a model has seen little
MAX_ZIP = 200  # galaxies in one download


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

    a = forms.CharField(label=_("From"), max_length=200)
    b = forms.CharField(label=_("To"), max_length=200)
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
        first = Recipe(version.version, generation.draw_cluster(version), 0, DEFAULT_PSI)
        like = galaxies[0].recipe if galaxies else first
        start, end = (each.recipe if isinstance(each, Galaxy) else plain(like, each) for each in ends)
        values["version"] = version
        try:
            values["recipes"] = between(start, end, values["steps"])
        except WalkError as error:
            self.add_error("b", str(error))
        return values


NO_END = _("Give the id, the address or the seed of a galaxy.")


def _end(text: str) -> Galaxy | int:
    """Return the galaxy that an id or an address names, or a seed."""
    if found := re.fullmatch(rf"(?:.*/g/)?([{ID_ALPHABET}]{{{ID_LENGTH}}})/?", text):
        with suppress(Galaxy.DoesNotExist):
            return Galaxy.objects.select_related("model_version").named(found[1])
    if text.isascii() and text.isdigit() and int(text) <= MAX_SEED:
        return int(text)
    raise forms.ValidationError(_("There is no such galaxy.") if found else NO_END)


class PictureForm(forms.Form):
    """A picture. Once the form is valid, `picture` is the Recipe of one that was downloaded here, or else its bytes."""

    picture = forms.FileField(
        error_messages={"required": _("Choose a picture first."), "empty": _("This file is empty.")}
    )

    def clean_picture(self) -> Recipe | bytes:
        file = self.cleaned_data["picture"]
        try:
            check_size(file.size)
            return read_recipe(file, file.size)
        except Elsewhere:
            file.seek(0)
            return bytes(file.read())
        except (NoRecipe, NotUsable) as error:
            raise forms.ValidationError(str(error)) from error


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


class SelectionForm(forms.Form):
    """The galaxies that are selected in a list. A galaxy deleted meanwhile is left out."""

    id = forms.Field(widget=forms.MultipleHiddenInput, error_messages={"required": _("Select a galaxy first.")})

    def clean_id(self) -> list[Galaxy]:
        ids = {each for each in self.cleaned_data["id"] if len(each) == ID_LENGTH and each.isalnum()}
        if len(ids) > MAX_ZIP:
            raise forms.ValidationError(
                _("Select %(most)s galaxies at most at a time; these are %(number)s.")
                % {"most": MAX_ZIP, "number": len(ids)}
            )
        galaxies = list(Galaxy.objects.filter(public_id__in=ids).select_related("model_version", "measurement"))
        if not galaxies:
            raise forms.ValidationError(_("None of these galaxies is there any more; select others."))
        return galaxies

    def sentence(self) -> str:
        """All errors in one text."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


class ZipForm(SelectionForm):
    """The galaxies of a zip and their kind of file."""

    KINDS = (("png", "PNG"), ("webp", "WebP"), ("fits", "FITS"))

    kind = forms.ChoiceField(required=False, choices=KINDS)

    def clean_kind(self) -> str:
        return self.cleaned_data["kind"] or "png"


class ChangeForm(SelectionForm):
    """What becomes of the selected galaxies, which are all the person's own; others among them are left out."""

    do = forms.ChoiceField(
        choices=[("publish", _("Publish")), ("take_back", _("Take back")), ("delete", _("Delete"))],
        error_messages={name: _("Choose to publish, take back or delete.") for name in ("required", "invalid_choice")},
    )

    def __init__(self, data: Any, person: User) -> None:
        super().__init__(data)
        self.person = person

    def clean_id(self) -> list[Galaxy]:
        chosen = super().clean_id()
        own = Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in chosen], makings__person=self.person)
        galaxies = list(own.select_related("model_version"))
        if not galaxies:
            raise forms.ValidationError(_("None of these galaxies is yours; select some that you made."))
        return galaxies


class CollectForm(ZipForm):
    """Galaxies to put into one of a person's collections; without one, into a new one."""

    def __init__(self, owner: User, data: Any) -> None:
        super().__init__(data)
        self.fields["collection"] = forms.ModelChoiceField(
            Collection.objects.filter(owner=owner),
            required=False,
            to_field_name="public_id",
            error_messages={"invalid_choice": _("You have no such collection; choose one of yours.")},
        )


class CollectionForm(forms.Form):
    name = forms.CharField(
        max_length=80,
        error_messages={
            "required": _("Give the collection a name."),
            "max_length": _("Use a name of 80 characters at most."),
        },
    )
    is_public = forms.BooleanField(required=False)


class DeleteAccountForm(forms.Form):
    galaxies = forms.ChoiceField(
        label=_("The galaxies you made"),
        choices=[
            ("keep", _("stay, without saying whose they were")),
            ("delete", _("go as well")),
        ],
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what becomes of your galaxies."),
            "invalid_choice": _("Choose one of the two."),
        },
    )
