"""System checks of the NEBULAI_* variables: `manage.py check` names what is wrong and what to do."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from nebulai import env

SHORTEST_KEY = 20


@register()
def environment(**kwargs: Any) -> list[CheckMessage]:
    """Report variables that cannot be read or used, and packages that they need and that are missing."""
    found: list[CheckMessage] = [Error(problem, id="nebulai.E001") for problem in dict.fromkeys(env.problems)]
    if settings.PRODUCTION and not settings.ALLOWED_HOSTS:
        found.append(
            Error("NEBULAI_DEBUG=0 needs NEBULAI_ALLOWED_HOSTS; name the hosts of the site.", id="nebulai.E002")
        )
    if settings.CACHE_URL and not settings.CACHE_URL.startswith(("redis://", "rediss://", "unix://")):
        found.append(Error("NEBULAI_CACHE_URL must begin with redis://, rediss:// or unix://.", id="nebulai.E003"))
    if settings.PRODUCTION and settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory" and not settings.EMAIL_URL:
        found.append(
            Error("NEBULAI_EMAIL_VERIFICATION=mandatory needs NEBULAI_EMAIL_URL to send mail.", id="nebulai.E005")
        )
    for variable, wanted, module, package in (
        ("NEBULAI_CACHE_URL", settings.CACHE_URL, "redis", "redis"),
        ("NEBULAI_S3_BUCKET", settings.S3_BUCKET, "storages", "django-storages[s3]"),
    ):
        if wanted and find_spec(module) is None:
            found.append(Error(env.missing(variable, package), id="nebulai.E004"))
    if settings.INCEPTION_WEIGHTS and not Path(settings.INCEPTION_WEIGHTS).is_file():
        message = (
            f"NEBULAI_INCEPTION_WEIGHTS names {settings.INCEPTION_WEIGHTS}, and there is no such file; "
            "manage.py evaluate --extractor inception will do without it."
        )
        found.append(Warning(message, id="nebulai.W002"))
    if settings.DATASETS_DIR and not settings.DATASETS_DIR.is_dir():
        message = f"NEBULAI_DATASETS_DIR names {settings.DATASETS_DIR}, and there is no such folder; make it."
        found.append(Error(message, id="nebulai.E006"))
    if settings.QUIZ_IMAGES and not _is_source(settings.QUIZ_IMAGES):
        message = (
            f"NEBULAI_QUIZ_IMAGES names {settings.QUIZ_IMAGES}, which is no folder and no HDF5 file (.h5, .hdf5); "
            "name one that holds real galaxies, or leave it unset to have no quiz."
        )
        found.append(Error(message, id="nebulai.E007"))
    if not settings.SECURITY_CONTACT.startswith(("mailto:", "https://", "tel:")):
        message = f"NEBULAI_SECURITY_CONTACT is {settings.SECURITY_CONTACT!r}: begin it with mailto:, https:// or tel:."
        found.append(Error(message, id="nebulai.E008"))
    if settings.METRICS_KEY and len(settings.METRICS_KEY) < SHORTEST_KEY:
        message = f"NEBULAI_METRICS_KEY is short: use at least {SHORTEST_KEY} characters that nobody can guess."
        found.append(Error(message, id="nebulai.E009"))
    if settings.GENERATOR and not re.fullmatch(r"ray://[^/:]+:\d+/?", settings.GENERATOR):
        message = f"NEBULAI_GENERATOR is {settings.GENERATOR!r}: use ray://host:port, as serve_generator says."
        found.append(Error(message, id="nebulai.E011"))
    if settings.PRODUCTION and len(settings.SECRET_KEY) < SHORTEST_KEY:
        message = f"NEBULAI_SECRET_KEY is short: use {SHORTEST_KEY} characters or more; a new one ends all sessions."
        found.append(Warning(message, id="nebulai.W003"))
    if not settings.RATE_LIMITS and settings.PRODUCTION:
        found.append(
            Warning("NEBULAI_RATE_LIMITS is off; switch it off for tests and benchmarks only.", id="nebulai.W001")
        )
    return found


def _is_source(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix.lower() in {".h5", ".hdf5", ".hdf"})
