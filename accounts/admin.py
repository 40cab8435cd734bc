"""The admin's log of what staff changed. People are in galaxies.admin, since deleting one changes votes."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.utils.translation import gettext_lazy as _

from nebulai.admin import ReadOnly

if TYPE_CHECKING:  # Django's own ModelAdmin takes no type argument, the stubs' does
    LogAdmin = admin.ModelAdmin[LogEntry]
else:
    LogAdmin = admin.ModelAdmin

admin.site.site_header = admin.site.site_title = "NebulAI"


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnly, LogAdmin):
    """What staff changed in the admin and on the dashboard, read-only."""

    list_display = ["action_time", "user", "content_type", "object_repr", "said"]
    list_filter = ["action_time", "content_type"]
    list_select_related = ["user", "content_type"]
    search_fields = ["object_repr", "change_message"]
    show_full_result_count = False

    @admin.display(description=_("what"))
    def said(self, entry: LogEntry) -> str:
        """The message of an entry; of a form of the admin, the fields that changed."""
        return entry.get_change_message()
