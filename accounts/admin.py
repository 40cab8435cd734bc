from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.services import delete_account

if TYPE_CHECKING:  # Django's own UserAdmin takes no type argument, the stubs' does
    PeopleAdmin = UserAdmin[User]
else:
    PeopleAdmin = UserAdmin


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
