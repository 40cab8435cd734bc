"""Training runs: start one, watch it, cancel it, resume it."""

from typing import Any
from uuid import UUID

from django.contrib.admin.models import ADDITION
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import User
from dashboard.staff import record, staff_only
from dashboard.training import query
from dashboard.training.forms import BudgetForm, TrainingForm
from galaxies.ml.data.records import DatasetError
from galaxies.ml.loop import TrainingError
from galaxies.models import TrainingRun
from galaxies.sentences import in_words
from galaxies.training import control, life_cycle, looking, sources
from galaxies.training.phases import title
from galaxies.training.record import in_one_sentence, tail
from galaxies.views.http import HtmxHttpRequest

LISTED = 50
LOG_LINES = 14
STOP_POLLING = 286  # as htmx understands it


class StaffRequest(HtmxHttpRequest):
    user: User


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
@vary_on_headers("HX-Request")
def training(request: StaffRequest) -> HttpResponse:
    """Show all runs, and a form that starts another one."""
    form = TrainingForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            run = control.queue(form.options, request.user)
        except (life_cycle.Refused, TrainingError, DatasetError, OSError) as refused:
            form.add_error(None, _sentence(refused))
        else:
            record(request.user, run, "Started a training.", ADDITION)
            return _to(request, run)
    looked = _looked(request.GET.get("check", "")) if request.method != "POST" else None
    if looked:
        form.initial = TrainingForm.fields_of(looked.options)
    return _training(request, form, looked)


@require_POST
@staff_only
@vary_on_headers("HX-Request")
def check_images(request: StaffRequest) -> HttpResponse:
    """Have the worker look at the chosen images, and lead back to the form, which shows what it finds."""
    form = TrainingForm(request.POST)
    if not form.is_valid():
        return _training(request, form)
    address = f"{reverse('dashboard:training')}?check={looking.ask(form.options)}#found"
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@require_safe
@staff_only
def images_found(request: HttpRequest, id: UUID) -> HttpResponse:
    """Show what was found in the images so far: a part of the form's page, which asks every few seconds."""
    looked = looking.answer(id)
    if looked is None:
        raise Http404
    response = render(request, "dashboard/training.html#found", {"looked": looked})
    response.status_code = STOP_POLLING if looked.found else 200
    return response


def _looked(id: str) -> looking.Answer | None:
    try:
        return looking.answer(UUID(id))
    except ValueError:
        return None


def _training(request: StaffRequest, form: TrainingForm, looked: looking.Answer | None = None) -> HttpResponse:
    life_cycle.recover()
    found = list(TrainingRun.objects.select_related("model_version", "started_by")[:LISTED])
    context = {
        "form": form,
        "runs": found,
        "live": next((run for run in found if run.is_live), None),
        "sources": sources.sources(),
        "looked": looked,
    }
    return render(request, "dashboard/training.html", context, status=422 if form.errors else 200)


@require_safe
@staff_only
@vary_on_headers("HX-Request")
def training_run(request: StaffRequest, pk: int) -> HttpResponse:
    """Show a run; to htmx, its progress, with code 286 once there is nothing more to wait for."""
    life_cycle.recover()
    run = _run(pk)
    if not request.htmx:
        return render(request, "dashboard/training_run.html", _context(run))
    return _progress(request, run, seen=request.GET.get("seen", ""))


@require_safe
@staff_only
def training_samples(request: HttpRequest, pk: int) -> FileResponse:
    """Send the newest sample sheet of a run."""
    found = query.sheet(_run(pk))
    if found is None:
        raise Http404
    response = FileResponse(found[0].open("rb"), content_type="image/png")
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_POST
@staff_only
@vary_on_headers("HX-Request")
def cancel_training(request: StaffRequest, pk: int) -> HttpResponse:
    """Cancel a run; its checkpoints are kept."""
    run = _run(pk)
    if control.cancel(run):
        record(request.user, run, "Cancelled the training.")
    return _progress(request, _run(pk)) if request.htmx else redirect("dashboard:training_run", pk)


@require_POST
@staff_only
@vary_on_headers("HX-Request")
def resume_training(request: StaffRequest, pk: int) -> HttpResponse:
    """Resume a run that was cancelled, interrupted or failed, or train one that is done with a larger budget."""
    run, form = _run(pk), BudgetForm(request.POST)
    if form.is_valid():
        try:
            given = form.cleaned_data
            control.resume(run, request.user, minutes=given["minutes"], images=given["images_seen"])
        except (life_cycle.Refused, TrainingError, OSError) as refused:
            form.add_error(None, _sentence(refused))
        else:
            record(request.user, run, "Resumed the training.")
            return _to(request, run)
    return render(request, "dashboard/training_run.html", _context(run) | {"form": form}, status=422)


def _sentence(refused: Exception) -> str:
    return in_words(in_one_sentence(refused) if isinstance(refused, OSError) else str(refused))


def _run(pk: int) -> TrainingRun:
    return get_object_or_404(TrainingRun.objects.select_related("model_version", "started_by"), pk=pk)


def _progress(request: StaffRequest, run: TrainingRun, seen: str = "") -> HttpResponse:
    """Answer htmx: the progress, and curves, samples and log if they changed since the stamp that was `seen`."""
    stamp = query.stamp(run)
    changed = stamp != seen or not run.is_live
    context = _context(run) | {"swapped": True} if changed else {"run": run, "stamp": stamp} | _standing(run)
    response = render(request, "dashboard/training_run.html#answer", context)
    response.status_code = 200 if run.is_live else STOP_POLLING
    return response


def _standing(run: TrainingRun) -> dict[str, Any]:
    return {"steps": query.steps(run), "phase": title(run.phase), "form": BudgetForm()}


def _context(run: TrainingRun) -> dict[str, Any]:
    charts = query.charts(run)
    found = query.sheet(run)
    return {
        "run": run,
        "stamp": query.stamp(run),
        "charts": charts,
        "kid": query.kid(charts),
        "sheet": found and found[1],
        "log": tail(run.name, LOG_LINES),
        "choices": query.choices(run),
        **_standing(run),
    }


def _to(request: StaffRequest, run: TrainingRun) -> HttpResponse:
    """Redirect to the page of a run."""
    if request.htmx:
        return HttpResponseClientRedirect(reverse("dashboard:training_run", args=[run.pk]))
    return redirect("dashboard:training_run", run.pk)
