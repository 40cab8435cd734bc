"""The pictures that stand for a page where its link is shared."""

from collections.abc import Callable

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from galaxies import cards
from galaxies.generation import current_version
from galaxies.models import Galaxy
from galaxies.views.http import busy_is_503, galaxy_or_404

DAY = 24 * 3600
IN_MOSAIC = 4


@require_safe
@busy_is_503
def of_galaxy(request: HttpRequest, public_id: str) -> HttpResponse:
    """Send the card of a galaxy."""
    galaxy = galaxy_or_404(public_id)
    return _sent(f"card:{galaxy.public_id}", lambda: cards.of_galaxy(galaxy))


@require_safe
@busy_is_503
def of_gallery(request: HttpRequest) -> HttpResponse:
    """Send the card of the gallery."""
    best = list(Galaxy.objects.gallery("best").select_related("model_version")[:IN_MOSAIC])
    key = "-".join(galaxy.public_id for galaxy in best)
    return _sent(f"card:gallery:{key}", lambda: cards.of_gallery(best))


@require_safe
@busy_is_503
def of_studio(request: HttpRequest) -> HttpResponse:
    """Send the card of the start page."""
    version = current_version()
    return _sent(f"card:studio:{version.checksum[:16] if version else ''}", lambda: cards.of_studio(version))


def _sent(key: str, draw: Callable[[], bytes]) -> HttpResponse:
    content: bytes | None = cache.get(key)
    if content is None:
        content = draw()
        cache.set(key, content, DAY)
    response = HttpResponse(content, content_type="image/jpeg")
    patch_cache_control(response, public=True, max_age=DAY)
    return response
