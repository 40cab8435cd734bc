from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.staff import staff_only


@require_safe
@staff_only
def models(request: HttpRequest) -> HttpResponse:
    return render(request, "dashboard/models.html")
