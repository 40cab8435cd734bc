"""Collections: one's own, and those of others that are public, by their link."""

from collections.abc import Callable
from functools import wraps

from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from galaxies import collections, generation
from galaxies.archives import archive_files, zip_stream
from galaxies.forms import CollectForm, CollectionForm, ZipForm
from galaxies.models import Collection
from galaxies.views.http import busy_is_503, galaxy_or_404, person_of
from galaxies.views.me import PersonHttpRequest
from galaxies.votes import mark_votes
from nebulai.views import problem, too_many_requests


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: PersonHttpRequest) -> HttpResponse:
    """Show one's collections; by POST, make one."""
    form = CollectionForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            new = collections.create(request.user, form.cleaned_data["name"], is_public=form.cleaned_data["is_public"])
            return redirect(new)
        except collections.Full as full:
            form.add_error("name", str(full))
    shown = request.user.collections.annotate(number=Count("items"))
    return render(
        request, "collections.html", {"form": form, "collections": shown}, status=422 if form.is_bound else 200
    )


@require_safe
def collection(request: HttpRequest, collection: str) -> HttpResponse:
    """Show a collection: one's own, or a public one."""
    shown = _visible(request, collection)
    return _show(request, shown, CollectionForm(initial={"name": shown.name, "is_public": shown.is_public}))


def owners_only(view: Callable[[HttpRequest, Collection], HttpResponse]) -> Callable[[HttpRequest, str], HttpResponse]:
    """Call the view with the collection if it is the person's own; there is none for others, visitors log in first."""

    @login_required
    @wraps(view)
    def wrapped(request: HttpRequest, collection: str) -> HttpResponse:
        return view(request, get_object_or_404(Collection, public_id=collection, owner=request.user.pk))

    return wrapped


@require_POST
@owners_only
def change(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Give a collection another name, or make it public or private."""
    form = CollectionForm(request.POST)
    if not form.is_valid():
        return _show(request, collection, form, status=422)
    collection.name, collection.is_public = form.cleaned_data["name"], form.cleaned_data["is_public"]
    collection.save(update_fields=["name", "is_public"])
    return redirect(collection)


@require_POST
@owners_only
def delete(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Delete a collection; its galaxies stay."""
    collection.delete()
    messages.success(
        request, _("The collection %(name)s is deleted; its galaxies are still there.") % {"name": collection}
    )
    return redirect("galaxies:collections")


@require_POST
@owners_only
def arrange(request: HttpRequest, collection: Collection) -> HttpResponse:
    """Move a galaxy within a collection, or take it out."""
    how = request.POST.get("move", "")
    if how not in collections.Move:
        return problem(request, 422, _("Up or down"), _("Send the move as up, down, first or remove."))
    galaxy = galaxy_or_404(request.POST.get("galaxy", ""))
    collections.move(collection, galaxy, collections.Move(how))
    return redirect(f"{collection.get_absolute_url()}#{galaxy.public_id}")


@login_required
@require_POST
def collect(request: PersonHttpRequest) -> HttpResponse:
    """Put the selected galaxies into a collection, or into a new one."""
    form = CollectForm(request.user, request.POST)
    if not form.is_valid():
        return problem(request, 422, _("Nothing to collect"), form.sentence())
    try:
        into = form.cleaned_data["collection"] or collections.create(request.user, _("New collection"))
        number = collections.add(into, form.cleaned_data["id"])
    except collections.Full as full:
        return problem(request, 422, _("No room"), str(full))
    told = ngettext("%(number)d galaxy is now in %(name)s.", "%(number)d galaxies are now in %(name)s.", number)
    messages.success(request, told % {"number": number, "name": into} if number else _("They were in it already."))
    return redirect(into)


@require_safe
@busy_is_503
def pack(request: HttpRequest, collection: str) -> HttpResponseBase:
    """Send a collection as a zip: /c/<id>.zip?kind=png."""
    packed = _visible(request, collection)
    galaxies = list(packed.galaxies.select_related("model_version"))
    kind = request.GET.get("kind", "png")
    if not galaxies or kind not in dict(ZipForm.KINDS):
        return problem(request, 404, _("Nothing to pack"), _("This collection holds no galaxies of that kind of file."))
    if not ratelimit.consume(request, action="zip"):
        return too_many_requests(request)
    generation.image_file(galaxies[0], kind)  # raises Busy now: later the zip has begun
    response = StreamingHttpResponse(zip_stream(archive_files(galaxies, kind)), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="nebulai-{packed.public_id}.zip"'
    return response


def _visible(request: HttpRequest, public_id: str) -> Collection:
    """Return a collection that is public or the person's own. Raises: Http404, also for what others keep private."""
    found = get_object_or_404(Collection, public_id=public_id)
    if not found.is_public and found.owner_id != request.user.pk:
        raise Http404
    return found


def _show(request: HttpRequest, shown: Collection, form: CollectionForm, status: int = 200) -> HttpResponse:
    galaxies = list(shown.galaxies.select_related("model_version"))
    mark_votes(galaxies, person_of(request))
    context = {
        "collection": shown,
        "galaxies": galaxies,
        "is_owner": shown.owner_id == request.user.pk,
        "form": form,
        "link": request.build_absolute_uri(shown.get_absolute_url()),
    }
    return render(request, "collection.html", context, status=status)
