"""What the apps' admins share."""

from typing import Any

from django.http import HttpRequest


class ReadOnly:
    """Make a ModelAdmin read-only. Name it before ModelAdmin among the bases."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
