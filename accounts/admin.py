from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin

from accounts.models import User
from nebulai.admin import ReadOnly

if TYPE_CHECKING:  # Django's own classes take no type argument, the stubs' do
    PeopleAdmin = UserAdmin[User]
    LogAdmin = admin.ModelAdmin[LogEntry]
else:
    PeopleAdmin, LogAdmin = UserAdmin, admin.ModelAdmin

admin.site.site_header = admin.site.site_title = "NebulAI"


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
