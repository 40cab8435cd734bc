from typing import TYPE_CHECKING

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

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, keep_galaxies=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            delete_account(person, keep_galaxies=True)
