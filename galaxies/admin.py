from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from galaxies.models import Galaxy, ModelVersion
from galaxies.services import delete_galaxies

if TYPE_CHECKING:  # Django's own ModelAdmin takes no type argument, the stubs' does
    VersionAdmin = admin.ModelAdmin[ModelVersion]
    GalaxiesAdmin = admin.ModelAdmin[Galaxy]
else:
    VersionAdmin = GalaxiesAdmin = admin.ModelAdmin


@admin.register(ModelVersion)
class ModelVersionAdmin(VersionAdmin):
    list_display = ["version", "is_active", "registered", "n_clusters", "resolution"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a version comes with its files, which a form does not bring

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Galaxy)
class GalaxyAdmin(GalaxiesAdmin):
    list_display = ["public_id", "thumbnail", "model_version", "cluster", "seed", "psi", "creator", "created"]
    list_filter = ["model_version", "cluster", "created"]
    list_select_related = ["model_version", "creator"]
    search_fields = ["public_id"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # only the generator makes galaxies

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Galaxy) -> None:
        self.delete_queryset(request, Galaxy.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Galaxy]) -> None:
        delete_galaxies(queryset)  # with their files

    @admin.display(description="image")
    def thumbnail(self, galaxy: Galaxy) -> str:
        """The stored WebP, small."""
        url = reverse("image", args=[galaxy.public_id, "webp"])
        return format_html('<img src="{}" alt="" width="48" height="48">', url)
