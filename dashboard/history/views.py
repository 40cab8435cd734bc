"""The history: every galaxy, as a table to filter and sort, and as CSV."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from dashboard.history.filters import HistoryFilter
from dashboard.history.query import MAX_PAGE, SCAN, SORTS, csv_lines, page_of
from dashboard.staff import staff_only
from galaxies.listing import NoSuchPage
from galaxies.models import ModelVersion
from galaxies.views.http import HtmxHttpRequest
from nebulai.views import problem


class ListForm(forms.Form):
    """The sort and the page number of the history. Values that are not valid answer 404."""

    sort = forms.ChoiceField(
        required=False, choices=[(f"{sign}{column}", label) for column, label in SORTS.items() for sign in ("", "-")]
    )
    page = forms.IntegerField(required=False, min_value=1, max_value=MAX_PAGE)

    def clean_sort(self) -> str:
        return self.cleaned_data["sort"] or "-created"

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1


@dataclass(frozen=True)
class Column:
    """A heading that sorts. state: for aria-sort; sort: what its link asks for."""

    name: str
    label: str
    state: str
    sort: str


def _columns(sort: str) -> dict[str, Column]:
    states = {f"-{name}": "descending" for name in SORTS} | dict.fromkeys(SORTS, "ascending")
    return {
        name: Column(
            name,
            str(label),
            states[sort] if sort.removeprefix("-") == name else "none",
            name if sort == f"-{name}" else f"-{name}",
        )
        for name, label in SORTS.items()
    }


@require_safe
@staff_only
@vary_on_headers("HX-Request")
def history(request: HtmxHttpRequest) -> HttpResponse:
    """Show all galaxies ever generated; to htmx, the filters and the table alone."""
    position, filters, versions = _asked(request)
    context: dict[str, Any] = {"filters": filters, "sort": position["sort"], "columns": _columns(position["sort"])}
    context |= {"scan": SCAN, "max_page": MAX_PAGE}
    valid = filters.is_valid()
    if valid:
        try:
            context["page"] = page_of(filters, versions, **position)
        except NoSuchPage:
            raise Http404 from None
    template = "dashboard/history.html#history" if request.htmx else "dashboard/history.html"
    return render(request, template, context, status=200 if valid else 422)


@require_safe
@staff_only
def history_csv(request: HttpRequest) -> HttpResponseBase:
    """Send all galaxies that the filters leave as CSV."""
    position, filters, versions = _asked(request)
    if not filters.is_valid():
        errors = " ".join(str(error) for errors in filters.errors.values() for error in errors)
        return problem(request, 422, _("Nothing to export"), errors)
    lines = csv_lines(filters, versions, position["sort"])
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="nebulai-history.csv"'
    return response


def _asked(request: HttpRequest) -> tuple[dict[str, Any], HistoryFilter, dict[int, dict[str, Any]]]:
    """Return sort and page number, the filters, and the versions by id. Raises: Http404 if there is no such sort."""
    form = ListForm({"sort": request.GET.get("sort"), "number": None, "page": request.GET.get("page")})
    if not form.is_valid():
        raise Http404
    rows = ModelVersion.objects.order_by("-registered", "-pk").values("pk", "version", "families")
    versions: dict[int, dict[str, Any]] = {row["pk"]: {**row} for row in rows}
    position = {"sort": form.cleaned_data["sort"], "number": form.cleaned_data["page"]}
    return position, HistoryFilter(request.GET, versions), versions
