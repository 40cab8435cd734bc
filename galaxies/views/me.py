"""A person's own page, their data as a zip, and the end of their account."""

from urllib.parse import urlsplit

from allauth.account.decorators import reauthentication_required
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.models import User
from galaxies.archives import zip_stream
from galaxies.forms import ChangeForm, DeleteAccountForm, MineForm
from galaxies.generation import current_version, disown
from galaxies.listing import PAGE_SIZE, NoSuchPage, page_of
from galaxies.models import Galaxy, ModelVersion
from galaxies.personal_data import data_files, delete_account
from galaxies.views.http import HtmxHttpRequest, next_page
from nebulai.views import problem, too_many_requests


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
    try:
        page = page_of(_galaxies(request.user, form), form.cleaned_data["page"], request.user)
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
        "select_all": request.GET.get("select") == "all",
    }
    return render(request, "me.html#tiles" if request.htmx else "me.html", context)


@require_POST
@login_required
def change(request: PersonHttpRequest) -> HttpResponse:
    """Publish several galaxies of the person's, take them back or, after a question, delete them."""
    form = ChangeForm(request.POST, request.user)
    if not form.is_valid():
        return problem(request, 422, _("Nothing is changed"), form.sentence())
    galaxies, do = form.cleaned_data["id"], form.cleaned_data["do"]
    number = len(galaxies)
    chosen = Galaxy.objects.filter(pk__in=[galaxy.pk for galaxy in galaxies])
    if do == "delete" and not request.POST.get("confirmed"):
        back = next_page(request, reverse("galaxies:me"))
        return render(request, "delete_many.html", {"galaxies": galaxies, "back": back})
    if do == "delete":
        disown(request.user, chosen)
        said = ngettext("%(number)d galaxy is deleted.", "%(number)d galaxies are deleted.", number)
    else:
        chosen.update(published=do == "publish")
        said = (
            ngettext("%(number)d galaxy is published.", "%(number)d galaxies are published.", number)
            if do == "publish"
            else ngettext("%(number)d galaxy is taken back.", "%(number)d galaxies are taken back.", number)
        )
    messages.success(request, said % {"number": number})
    return redirect(place_in_list(request))


def place_in_list(request: PersonHttpRequest) -> str:
    """Return the address that the form came from; of a page of `me` that is empty now, the one before."""
    wanted = next_page(request, reverse("galaxies:me"))
    parts = urlsplit(wanted)
    query = QueryDict(parts.query, mutable=True)
    form = MineForm(query)
    if parts.path != reverse("galaxies:me") or not form.is_valid():
        return wanted
    number = form.cleaned_data["page"]
    left = _galaxies(request.user, form).count()
    query["page"] = str(max(1, min(number, -(-left // PAGE_SIZE))))
    return wanted if query["page"] == str(number) else f"{parts.path}?{query.urlencode()}"


def _galaxies(person: User, form: MineForm) -> QuerySet[Galaxy]:
    """Return what a valid form asks for."""
    show, cluster, chosen = (form.cleaned_data[name] for name in ("show", "cluster", "version"))
    galaxies = Galaxy.objects.made_by(person) if show == "made" else Galaxy.objects.liked_by(person)
    return galaxies.of(chosen, cluster)


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
    messages.success(request, _("Your account is deleted."))
    return redirect("galaxies:studio")
