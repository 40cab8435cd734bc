from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from nebulai.metrics import metrics
from nebulai.views import choose_language, favicon, robots, security_txt

# Staff log in by the same page as everybody, under the same rate limits.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("galaxies.urls")),
    path("favicon.ico", favicon),
    path("language", choose_language, name="language"),
    path("metrics", metrics, name="metrics"),
    path("robots.txt", robots, name="robots"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("accounts/", include("allauth.urls")),
    path("dashboard/", include("dashboard.urls")),
    path("admin/", admin.site.urls),
]

handler429 = "nebulai.views.too_many_requests"  # allauth looks for it here
handler500 = "nebulai.views.server_error"
