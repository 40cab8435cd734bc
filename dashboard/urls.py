from django.urls import path

from dashboard.history import views as history_views
from dashboard.overview import views as overview_views
from dashboard.preferences import views as preference_views
from dashboard.training import views as training_views
from dashboard.versions import views as model_views

app_name = "dashboard"

urlpatterns = [
    path("", overview_views.overview, name="overview"),
    path("history/", history_views.history, name="history"),
    path("history.csv", history_views.history_csv, name="history_csv"),
    path("models/", model_views.models, name="models"),
    path("models/compare/", model_views.compare, name="compare"),
    path("models/roll-back", model_views.roll_back, name="roll_back"),
    path("models/<str:version>/activate", model_views.activate, name="activate"),
    path("models/<str:version>/archive", model_views.archive, name="archive"),
    path("models/<str:version>/measure", model_views.measure, name="measure"),
    path("models/<str:version>/delete", model_views.delete_version, name="delete_version"),
    path("models/<str:version>/<int:cluster>/<int:seed>.webp", model_views.seeds, name="seeds"),
    path("preferences/", preference_views.preferences, name="preferences"),
    path("preferences/learn", preference_views.learn_preferences, name="learn_preferences"),
    path("training/", training_views.training, name="training"),
    path("training/check", training_views.check_images, name="check_images"),
    path("training/check/<uuid:id>", training_views.images_found, name="images_found"),
    path("training/<int:pk>/", training_views.training_run, name="training_run"),
    path("training/<int:pk>/samples.png", training_views.training_samples, name="training_samples"),
    path("training/<int:pk>/cancel", training_views.cancel_training, name="cancel_training"),
    path("training/<int:pk>/resume", training_views.resume_training, name="resume_training"),
]
