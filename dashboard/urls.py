from django.urls import path

from dashboard import history_views, model_views, overview_views, training_views

app_name = "dashboard"

urlpatterns = [
    path("", overview_views.overview, name="overview"),
    path("history/", history_views.history, name="history"),
    path("models/", model_views.models, name="models"),
    path("training/", training_views.training, name="training"),
    path("training/<int:pk>/", training_views.training_run, name="training_run"),
]
