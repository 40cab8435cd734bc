from django.urls import path

from accounts import views

urlpatterns = [
    path("", views.me, name="me"),
    path("data.zip", views.data, name="data"),
    path("delete", views.delete, name="delete_account"),
]
