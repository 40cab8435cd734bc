"""The gallery, and a zip of several galaxies."""

from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from galaxies import generation
from galaxies.archives import archive_files, zip_stream
from galaxies.forms import GalleryForm, ScatterForm, ZipForm
from galaxies.listing import NoSuchPage, page_of
from galaxies.measured import SLIDERS
from galaxies.models import Galaxy, ModelVersion
from galaxies.scatter import scatter as draw
from galaxies.views.http import HtmxHttpRequest, busy_is_503, person_of
from nebulai.views import problem, too_many_requests


@require_safe
@vary_on_headers("HX-Request")
def index(request: HtmxHttpRequest) -> HttpResponse:
    """Show the gallery; to htmx, the tiles of one page."""
    form = GalleryForm(request.GET)
    if not form.is_valid():
        raise Http404
    order, chosen, cluster = (form.cleaned_data[name] for name in ("order", "version", "cluster"))
    versions = list(ModelVersion.with_galaxies())
    current = generation.current_version(versions)
    if cluster is not None:
        chosen = chosen or current  # a number means a family within a model only
    galaxies = Galaxy.objects.gallery(order).of(chosen, cluster).within(form.ranges)
    try:
        page = page_of(galaxies, form.cleaned_data["page"], person_of(request))
    except NoSuchPage:
        raise Http404 from None
    context = {
        "page": page,
        "order": order,
        "form": form,
        "is_searched": bool(form.ranges) or order not in ("new", "best"),
        "chosen": chosen,
        "cluster": cluster,
        "versions": versions,
        "version": current,
        "select_all": request.GET.get("select") == "all",
    }
    return render(request, "gallery.html#tiles" if request.htmx else "gallery.html", context)


@require_safe
def scatter(request: HttpRequest) -> HttpResponse:
    """Draw the gallery's galaxies by two of their measures."""
    form = ScatterForm({"x": "half_light_share", "y": "axis_ratio", **request.GET.dict()})
    if not form.is_valid():
        raise Http404
    x, y = form.cleaned_data["x"], form.cleaned_data["y"]
    drawn = draw(x, y, generation.current_version())
    return render(request, "scatter.html", {"form": form, "drawn": drawn, "across": SLIDERS[x], "up": SLIDERS[y]})


@require_POST
@busy_is_503
def download(request: HttpRequest) -> HttpResponseBase:
    """Send several galaxies and their recipes as one zip."""
    form = ZipForm(request.POST)
    if not form.is_valid():
        return problem(request, 422, _("Nothing to pack"), form.sentence())
    if not ratelimit.consume(request, action="zip"):
        return too_many_requests(request)
    galaxies, kind = form.cleaned_data["id"], form.cleaned_data["kind"]
    generation.image_file(galaxies[0], kind)  # raises Busy now: later the zip has begun
    response = StreamingHttpResponse(zip_stream(archive_files(galaxies, kind)), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="nebulai-galaxies.zip"'
    return response
