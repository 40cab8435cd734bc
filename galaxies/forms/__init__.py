"""Forms of the public pages."""

from galaxies.forms.lists import GalleryForm, MineForm, PageForm, ScatterForm
from galaxies.forms.me import CollectionForm, DeleteAccountForm
from galaxies.forms.selection import ChangeForm, CollectForm, SelectionForm, ZipForm
from galaxies.forms.studio import GenerateForm
from galaxies.forms.upload import PictureForm
from galaxies.forms.wander import BlendForm, VaryForm

__all__ = [
    "BlendForm",
    "ChangeForm",
    "CollectForm",
    "CollectionForm",
    "DeleteAccountForm",
    "GalleryForm",
    "GenerateForm",
    "MineForm",
    "PageForm",
    "PictureForm",
    "ScatterForm",
    "SelectionForm",
    "VaryForm",
    "ZipForm",
]
