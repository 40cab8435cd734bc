from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.services import delete_account
from nebulai.admin import ReadOnly

if TYPE_CHECKING:  # Django's own classes take no type argument, the stubs' do
    PeopleAdmin = UserAdmin[User]
    LogAdmin = admin.ModelAdmin[LogEntry]
else:
    PeopleAdmin, LogAdmin = UserAdmin, admin.ModelAdmin

admin.site.site_header = admin.site.site_title = "NebulAI"


@admin.register(User)
class PersonAdmin(PeopleAdmin):
    """Deleting somebody takes their votes out of the sums; their galaxies stay."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """Votes go with the person, whoever may delete votes alone; thousands of them need not be listed."""
        needed = set() if self.has_delete_permission(request) else {"user"}
        return [str(person) for person in objs], {"users": len(objs)}, needed, []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, keep_galaxies=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            delete_account(person, keep_galaxies=True)


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly, LogAdmin):
    """What members of the staff changed, here and on the dashboard; only read."""

    list_display = ["action_time", "user", "content_type", "object_repr", "said"]
    list_filter = ["action_time", "content_type"]
    list_select_related = ["user", "content_type"]
    search_fields = ["object_repr", "change_message"]
    show_full_result_count = False

    @admin.display(description="what")
    def said(self, entry: LogEntry) -> str:
        """The sentence, or what the admin makes of the fields that changed."""
        return entry.get_change_message()
