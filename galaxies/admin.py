"""The admin of galaxies, votes, model versions, training runs and, since their votes count, people."""

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from galaxies import charts
from galaxies.generation import delete_galaxies
from galaxies.ml.bundle import BundleError
from galaxies.models import Galaxy, ModelVersion, TrainingRun, Vote
from galaxies.personal_data import delete_account
from galaxies.registry import measurement, versions
from galaxies.registry.versions import VersionError
from galaxies.training.record import tail
from nebulai.admin import ReadOnly
from nebulai.numbers import number

if TYPE_CHECKING:  # Django's own classes take no type argument, the stubs' do
    PeopleAdmin = UserAdmin[User]
    VersionAdmin = admin.ModelAdmin[ModelVersion]
    GalaxiesAdmin = admin.ModelAdmin[Galaxy]
    VotesAdmin = admin.ModelAdmin[Vote]
    RunsAdmin = admin.ModelAdmin[TrainingRun]
    AnyPaginator = Paginator[Any]
else:
    PeopleAdmin = UserAdmin
    VersionAdmin = GalaxiesAdmin = VotesAdmin = RunsAdmin = admin.ModelAdmin
    AnyPaginator = Paginator

REACHABLE = 10_000  # rows of a list that pages lead to; a search finds the others
NAMED = 100  # galaxies that are named before they are deleted
LOG_LINES = 40


class BoundedPaginator(AnyPaginator):
    """Count no more rows than its pages show: counting a million takes longer than showing fifty of them."""

    @cached_property
    def _found(self) -> int:
        rows = cast("QuerySet[Any]", self.object_list)
        return rows.order_by()[: REACHABLE + 1].count()

    @cached_property
    def count(self) -> int:
        """Number of rows that the pages show."""
        return min(self._found, REACHABLE)

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows."""
        return self._found > REACHABLE


@admin.register(ModelVersion)
class ModelVersionAdmin(VersionAdmin):
    """Model versions, read-only but for two actions. The dashboard has more actions, and deletes."""

    list_display = ["version", "is_active", "archived", "n_clusters", "resolution", "size", "kid", "activated"]
    list_filter = ["is_active", "archived"]
    search_fields = ["version"]
    exclude = ["families", "metrics"]
    actions = ["activate", "evaluate"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a version comes with its files, which a form does not bring

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its files would stay

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Allow the actions to people with the permission to change versions, though no form changes them."""
        return bool(request.user.has_perm("galaxies.change_modelversion"))

    @admin.display(description=_("KID (real, repeated)"))
    def kid(self, version: ModelVersion) -> str:
        """KID with its floor, its ceiling and its extractor."""
        return charts.kid_in_a_line(version.metrics)

    @admin.action(description=_("Activate: let new galaxies come from it"), permissions=["manage"])
    def activate(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Activate one version. Its files are checked first; a damaged bundle changes nothing."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, _("Choose one version to activate."), messages.ERROR)
            return
        if worse := versions.far_worse(chosen[0]):
            said = _(
                "%(version)s is measured far worse than %(active)s: KID %(kid)s instead of %(active_kid)s. To activate "
                "it all the same, use the dashboard's page of models."
            ) % {"version": chosen[0], "active": worse.active, "kid": worse.kid, "active_kid": worse.active_kid}
            self.message_user(request, said, messages.ERROR)
            return
        try:
            versions.activate(chosen[0])
        except BundleError as error:
            self.message_user(request, versions.sentence(error), messages.ERROR)
        else:
            self.log_change(request, chosen[0], "Activated.")
            self.message_user(
                request, _("%(version)s is active; every process follows within seconds.") % {"version": chosen[0]}
            )

    @admin.action(description=_("Evaluate: let the worker measure FID, KID and the rest"), permissions=["manage"])
    def evaluate(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        """Order versions to be measured by the worker; the dashboard shows the result."""
        for version in queryset:
            try:
                measurement.order(version)
            except VersionError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                self.log_change(request, version, "Ordered to be measured.")
                self.message_user(
                    request, _("%(version)s waits to be measured by manage.py db_worker.") % {"version": version}
                )


class FamilyFilter(admin.SimpleListFilter):
    """Filter by cluster. The choices come from the versions, since asking a million galaxies takes long."""

    title = _("family")
    parameter_name = "cluster"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        most = max(ModelVersion.objects.values_list("n_clusters", flat=True), default=0)
        return [(str(cluster), str(cluster)) for cluster in range(most)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Galaxy]) -> QuerySet[Galaxy]:
        value = self.value() or ""
        return queryset.filter(cluster=int(value)) if value in dict(self.lookup_choices) else queryset


@admin.register(Galaxy)
class GalaxyAdmin(GalaxiesAdmin):
    """Galaxies, read-only; deleted with their files, votes and tallies."""

    list_display = ["public_id", "thumbnail", "model_version", "cluster", "seed", "psi", "creator", "created"]
    list_filter = ["model_version", FamilyFilter, "created"]
    list_per_page = 50
    list_select_related = ["model_version", "creator"]
    search_fields = ["public_id__exact"]  # the only search that an index answers
    search_help_text = _("The id of a galaxy, as in its address")
    sortable_by = ["created"]
    show_full_result_count = False
    paginator = BoundedPaginator
    readonly_fields = ["picture"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # only the generator makes galaxies

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_model(self, request: HttpRequest, obj: Galaxy) -> None:
        self.delete_queryset(request, Galaxy.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Galaxy]) -> None:
        delete_galaxies(queryset.select_related(None))  # with their files, votes and tallies

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """List galaxies only. Votes are deleted with them, whatever the permissions for votes, and may be thousands."""
        names = [_("Galaxy %(galaxy)s") % {"galaxy": galaxy} for galaxy in islice(objs, NAMED)]
        needed = set() if self.has_delete_permission(request) else {"galaxy"}
        return names, {"galaxies": len(objs)}, needed, []

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Galaxy], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Refuse an action on more than REACHABLE galaxies at once."""
        if request.POST.get("select_across") == "1" and BoundedPaginator(queryset, NAMED).is_cut:
            text = _("These are more than %(number)s galaxies: filter for fewer, or choose some of them.") % {
                "number": number(REACHABLE)
            }
            self.message_user(request, text, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    @admin.display(description=_("image"))
    def thumbnail(self, galaxy: Galaxy) -> str:
        """The stored WebP, small."""
        return _image(galaxy, 48)

    @admin.display(description=_("image"))
    def picture(self, galaxy: Galaxy) -> str:
        """The stored WebP."""
        return _image(galaxy, 256)


def _image(galaxy: Galaxy, side: int) -> str:
    url = reverse("galaxies:image", args=[galaxy.public_id, "webp"])
    return format_html('<img src="{}" alt="" width="{}" height="{}" loading="lazy">', url, side, side)


@admin.register(Vote)
class VoteAdmin(ReadOnly, VotesAdmin):
    """Votes, read-only: galaxies.votes alone writes them, together with their sums."""

    list_display = ["galaxy", "value", "person", "created"]
    list_filter = ["value"]
    list_per_page = 50
    list_select_related = ["galaxy", "person"]
    ordering = ["-pk"]  # there is no index for the date
    search_fields = ["galaxy__public_id__exact"]
    search_help_text = _("The id of a galaxy, as in its address")
    sortable_by = ()
    show_full_result_count = False
    paginator = BoundedPaginator


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnly, RunsAdmin):
    """Training runs, read-only: they are started, cancelled and resumed on the dashboard."""

    list_display = ["name", "state", "started_by", "created", "started", "finished", "phase", "model_version"]
    list_filter = ["state"]
    list_select_related = ["started_by", "model_version"]
    search_fields = ["name"]
    readonly_fields = ["log"]

    @admin.display(description=_("end of its log"))
    def log(self, run: TrainingRun) -> str:
        """The last lines of the run's log."""
        return format_html("<pre>{}</pre>", "\n".join(tail(run.name, LOG_LINES)) or _("none"))


@admin.register(User)
class PersonAdmin(PeopleAdmin):
    """People. Deleting one takes their votes out of the sums; their galaxies stay."""

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """List people only. Votes are deleted with them, whatever the permissions for votes, and may be thousands."""
        needed = set() if self.has_delete_permission(request) else {"user"}
        return [str(person) for person in objs], {"users": len(objs)}, needed, []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        delete_account(obj, keep_galaxies=True)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for person in queryset:
            delete_account(person, keep_galaxies=True)
