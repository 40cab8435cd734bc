"""A picture from elsewhere."""

from django import forms
from django.utils.translation import gettext_lazy as _

from galaxies.embedded import Elsewhere, NoRecipe, read_recipe
from galaxies.recipe import Recipe
from galaxies.uploads import NotUsable, check_size


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
