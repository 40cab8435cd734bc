from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.staff import staff_only


@require_safe
@staff_only
def training(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/training.html")


@require_safe
@staff_only
def training_run(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "dashboard/training_run.html")
