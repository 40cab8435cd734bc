from django.urls import path, register_converter

from galaxies import gallery_views, model_views, views
from galaxies.models import ID_ALPHABET, ID_LENGTH


class PublicId:
    """A galaxy's id: whatever does not look like one is a 404 without a query."""

    regex = f"[{ID_ALPHABET}]{{{ID_LENGTH}}}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class ImageKind(PublicId):
    """The endings of a galaxy's files."""

    regex = "webp|png|fits"


register_converter(PublicId, "id")
register_converter(ImageKind, "kind")

galaxy_urls = [
    path("g/<id:public_id>/", views.galaxy, name="galaxy"),
    path("g/<id:public_id>.<kind:kind>", views.image, name="image"),
    path("g/<id:public_id>/facts", model_views.galaxy_facts, name="facts"),
    path("g/<id:public_id>/vary", views.vary, name="vary"),
    path("g/<id:public_id>/vote", gallery_views.vote, name="vote"),
    path("g/<id:public_id>/publish", gallery_views.publish, name="publish"),
    path("g/<id:public_id>/delete", gallery_views.delete, name="delete"),
]

urlpatterns = [
    path("", views.studio, name="studio"),
    path("generate", views.generate, name="generate"),
    path("families/<str:version>/<int:cluster>/<int:number>.webp", views.exemplar, name="exemplar"),
    path("model/", model_views.model, name="model"),
    path("model/<str:version>/samples.webp", model_views.sample_sheet, name="sample_sheet"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("galaxies/", gallery_views.index, name="gallery"),
    path("galaxies/zip", gallery_views.download, name="zip"),
    *galaxy_urls,
]
