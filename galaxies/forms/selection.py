"""The galaxies that are selected in a list, and what becomes of them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from galaxies.models import ID_LENGTH, Collection, Galaxy

MAX_ZIP = 200  # galaxies in one download


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
