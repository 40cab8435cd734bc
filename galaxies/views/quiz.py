"""Real or generated? Ten pictures, a score, and how others did."""

from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from galaxies.facts import read_metrics
from galaxies.generation import current_version
from galaxies.ml.bundle import BundleError
from galaxies.models import QuizQuestion, QuizRound
from galaxies.quiz import rounds
from galaxies.quiz.photographs import NoPhotographs, photographs
from galaxies.quiz.tells import tells
from galaxies.serving import Busy
from galaxies.views.http import HtmxHttpRequest, busy_is_503
from nebulai.views import problem, too_many_requests


@require_http_methods(["GET", "HEAD", "POST"])
@busy_is_503
def quiz(request: HttpRequest) -> HttpResponse:
    """Say what the quiz is; by POST, begin a round."""
    version = current_version()
    try:
        pool = photographs(version) if version else None
    except (NoPhotographs, BundleError):
        version = None
    if version is None:
        text = _("This site has no photographs of real galaxies to show beside its own, so there is no quiz here.")
        return problem(request, 404, _("No quiz here"), text)
    if request.method != "POST":
        return render(
            request, "quiz.html", {"version": version, "others": rounds.others(version), "ready": pool is not None}
        )
    if not ratelimit.consume(request, action="generate"):
        return too_many_requests(request)
    if pool is None:
        raise Busy(_("The photographs are being read; try again in a minute."), retry_after=20)
    return redirect("galaxies:quiz_round", rounds.begin(version, pool).token)


@require_safe
@vary_on_headers("HX-Request")
def quiz_round(request: HtmxHttpRequest, token: str) -> HttpResponse:
    """Show the next picture of a round, or the score."""
    return _show(request, _round(token))


@require_POST
@vary_on_headers("HX-Request")
def quiz_answer(request: HtmxHttpRequest, token: str, number: int) -> HttpResponse:
    """Store what somebody takes a picture for, and go on to the next."""
    played = _round(token)
    if not 1 <= number <= rounds.QUESTIONS:
        raise Http404
    if request.POST.get("answer") not in ("real", "generated"):
        return problem(request, 422, _("Real or generated"), _("Send the answer as real or generated."))
    rounds.answer(played, number, generated=request.POST["answer"] == "generated")
    return _show(request, _round(token)) if request.htmx else redirect("galaxies:quiz_round", token)


@require_safe
@busy_is_503
def quiz_picture(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """Send a picture of a round: pixels alone, alike in encoding and length whatever they are."""
    question = get_object_or_404(
        QuizQuestion.objects.select_related("round__model_version"), round__token=token, number=number
    )
    try:
        response = HttpResponse(rounds.picture(question), content_type="image/webp")
    except (NoPhotographs, BundleError):
        raise Http404 from None
    patch_cache_control(response, private=True, max_age=3600)
    return response


def _round(token: str) -> QuizRound:
    return get_object_or_404(QuizRound.objects.select_related("model_version"), token=token)


def _show(request: HtmxHttpRequest, played: QuizRound) -> HttpResponse:
    questions = list(played.questions.all())
    context = {
        "version": played.model_version,
        "round": played,
        "total": len(questions),
        "question": next((each for each in questions if each.said_generated is None), None),
    }
    if context["question"] is None:
        version = played.model_version
        context |= {
            "questions": questions,
            "others": rounds.others(version),
            "tells": tells(read_metrics(version.path) or {}),
        }
    return render(request, "quiz.html#play" if request.htmx else "quiz.html", context)
