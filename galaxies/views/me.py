"""A person's own page, their data as a zip, and the end of their account."""

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.models import User
from galaxies.archives import zip_stream
from galaxies.forms import DeleteAccountForm, MineForm
from galaxies.generation import current_version
from galaxies.listing import NoSuchPage, page_of
from galaxies.models import Galaxy, ModelVersion
from galaxies.personal_data import data_files, delete_account
from galaxies.views.http import HtmxHttpRequest
from nebulai.views import too_many_requests


class PersonHttpRequest(HtmxHttpRequest):
    user: User


@login_required
@require_safe
@vary_on_headers("HX-Request")
def me(request: PersonHttpRequest) -> HttpResponse:
    """Show the galaxies that the person made or likes; to htmx, the tiles of one page."""
    form = MineForm(request.GET)
    if not form.is_valid():
        raise Http404
    show, cluster, chosen = (form.cleaned_data[name] for name in ("show", "cluster", "version"))
    galaxies = Galaxy.objects.made_by(request.user) if show == "made" else Galaxy.objects.liked_by(request.user)
    try:
        page = page_of(galaxies.of(chosen, cluster), form.cleaned_data["page"], request.user)
    except NoSuchPage:
        raise Http404 from None
    context = {
        "page": page,
        "form": form,
        "show": show,
        "chosen": chosen,
        "cluster": cluster,
        "versions": ModelVersion.with_galaxies(),
        "version": current_version(),
    }
    return render(request, "me.html#tiles" if request.htmx else "me.html", context)


@login_required
@require_safe
def data(request: PersonHttpRequest) -> HttpResponseBase:
    """Send all that the site knows of the person as a zip."""
    if not ratelimit.consume(request, action="zip"):
        return too_many_requests(request)
    response = StreamingHttpResponse(zip_stream(data_files(request.user)), content_type="application/zip")
    response["Content-Disposition"] = 'attachment; filename="nebulai-my-data.zip"'
    return response


@login_required
@reauthentication_required  # type: ignore[untyped-decorator]
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PersonHttpRequest) -> HttpResponse:
    """Delete the person's account; a form asks what becomes of their galaxies."""
    form = DeleteAccountForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return render(request, "account/delete.html", {"form": form}, status=422 if form.is_bound else 200)
    person = request.user
    logout(request)
    delete_account(person, keep_galaxies=form.cleaned_data["galaxies"] == "keep")
    messages.success(request, "Your account is deleted.")
    return redirect("galaxies:studio")
