from django.urls import path, register_converter

from galaxies.models import ID_ALPHABET, ID_LENGTH
from galaxies.views import about, cards, collections, galaxy, gallery, health, me, model, quiz, studio, upload, wander


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


class Token(PublicId):
    """An address that only who was given it knows."""

    regex = "[A-Za-z0-9_-]{22}"


register_converter(PublicId, "id")
register_converter(Token, "token")
register_converter(ImageKind, "kind")

app_name = "galaxies"

studio_urls = [
    path("", studio.studio, name="studio"),
    path("generate", studio.generate, name="generate"),
    path("recipe", studio.open_picture, name="open_picture"),
]

wander_urls = [
    path("blend", wander.blend, name="blend"),
    path("g/<id:public_id>/vary", wander.vary, name="vary"),
    path("g/<id:public_id>/families", wander.families, name="families"),
    path("g/<id:public_id>/walk.webp", wander.walk, {"kind": "webp"}, name="walk_webp"),
    path("g/<id:public_id>/walk.gif", wander.walk, {"kind": "gif"}, name="walk_gif"),
]

galaxy_urls = [
    path("g/<id:public_id>/", galaxy.galaxy, name="galaxy"),
    path("g/<id:public_id>.<kind:kind>", galaxy.image, name="image"),
    path("g/<id:public_id>/<int:side>.<kind:kind>", galaxy.larger, name="larger"),
    path("g/<id:public_id>/facts", galaxy.galaxy_facts, name="facts"),
    path("g/<id:public_id>/measured", galaxy.measured, name="measured"),
    path("g/<id:public_id>/vote", galaxy.vote, name="vote"),
    path("g/<id:public_id>/publish", galaxy.publish, name="publish"),
    path("g/<id:public_id>/delete", galaxy.delete, name="delete"),
]

gallery_urls = [
    path("galaxies/", gallery.index, name="gallery"),
    path("galaxies/zip", gallery.download, name="zip"),
    path("galaxies/scatter", gallery.scatter, name="scatter"),
]

model_urls = [
    path("model/", model.model, name="model"),
    path("model/<str:version>/samples.webp", model.sample_sheet, name="sample_sheet"),
    path("families/<str:version>/<int:cluster>/<int:number>.webp", model.exemplar, name="exemplar"),
    path("families/<str:version>/<int:cluster>/<int:number>/<int:side>.webp", model.thumbnail, name="thumbnail"),
]

about_urls = [
    path("about/", about.how_it_works, name="about"),
    path("about/<str:version>/<int:step>.webp", about.latent_step, name="latent_step"),
]

card_urls = [
    path("card.jpg", cards.of_studio, name="studio_card"),
    path("galaxies/card.jpg", cards.of_gallery, name="gallery_card"),
    path("g/<id:public_id>/card.jpg", cards.of_galaxy, name="card"),
]

quiz_urls = [
    path("quiz/", quiz.quiz, name="quiz"),
    path("quiz/<token:token>/", quiz.quiz_round, name="quiz_round"),
    path("quiz/<token:token>/<int:number>", quiz.quiz_answer, name="quiz_answer"),
    path("quiz/<token:token>/<int:number>.webp", quiz.quiz_picture, name="quiz_picture"),
]

upload_urls = [
    path("upload/", upload.upload, name="upload"),
    path("upload/<token:token>/", upload.uploaded, name="uploaded"),
    path("upload/<token:token>.webp", upload.picture, name="uploaded_picture"),
    path("upload/<token:token>/like", upload.make_alike, name="make_alike"),
    path("upload/<token:token>/search", upload.alike, name="alike"),
]

collection_urls = [
    path("me/collections/", collections.mine, name="collections"),
    path("me/collections/add", collections.collect, name="collect"),
    path("c/<id:collection>/", collections.collection, name="collection"),
    path("c/<id:collection>.zip", collections.pack, name="collection_zip"),
    path("c/<id:collection>/change", collections.change, name="change_collection"),
    path("c/<id:collection>/arrange", collections.arrange, name="arrange_collection"),
    path("c/<id:collection>/delete", collections.delete, name="delete_collection"),
]

me_urls = [
    path("me/", me.me, name="me"),
    path("me/change", me.change, name="change_mine"),
    path("me/data.zip", me.data, name="data"),
    path("me/delete", me.delete, name="delete_account"),
]

health_urls = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

urlpatterns = [
    *studio_urls,
    *wander_urls,
    *galaxy_urls,
    *gallery_urls,
    *model_urls,
    *about_urls,
    *card_urls,
    *quiz_urls,
    *upload_urls,
    *collection_urls,
    *me_urls,
    *health_urls,
]
