"""What a person owns: collections, and the account itself."""

from django import forms
from django.utils.translation import gettext_lazy as _


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
