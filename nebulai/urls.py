from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("galaxies.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler429 = "nebulai.views.too_many_requests"  # allauth looks for it here
