"""Settings, all from NEBULAI_* variables: the README's table says what each is for, nebulai/checks.py validates them.

NEBULAI_DEBUG has three states. Unset: a site for yourself over plain HTTP, with a key made on first use. 1: the same
with Django's debug pages. 0: production, where nothing is guessed and HTTPS is expected.
"""

import logging
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from nebulai import env, logs

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.flag("NEBULAI_DEBUG", False)
PRODUCTION = env.production()

DATA_DIR = Path(env.text("NEBULAI_DATA_DIR", str(BASE_DIR / "var"))).expanduser().resolve()
MODELS_STORE = Path(env.text("NEBULAI_MODELS_STORE", str(BASE_DIR / "models_store"))).expanduser().resolve()
# Where Ray Serve answers, ray://host:port; each process has a generator of its own where it is not set.
GENERATOR = env.text("NEBULAI_GENERATOR")
INCEPTION_WEIGHTS = env.text("NEBULAI_INCEPTION_WEIGHTS")
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(
        f"NEBULAI_DATA_DIR {DATA_DIR} cannot be made ({error.strerror}); name a folder that can be written to."
    ) from error

SECRET_KEY = env.secret("NEBULAI_SECRET_KEY")
if not SECRET_KEY and PRODUCTION:
    raise ImproperlyConfigured(
        "NEBULAI_DEBUG=0 needs NEBULAI_SECRET_KEY; set it to a long random string that you keep secret."
    )
SECRET_KEY = SECRET_KEY or env.local_secret_key(DATA_DIR / "secret_key")

ALLOWED_HOSTS = env.words("NEBULAI_ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.origins("NEBULAI_CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "nebulai",
    "accounts",
    "galaxies",
    "dashboard",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tasks",
    "django_tasks_db",
    "template_partials",
]

# Other sites to log in with, where NEBULAI_<NAME>_CLIENT_ID and _SECRET say how, and where their forms lead.
SOCIAL = {"google": "https://accounts.google.com", "github": "https://github.com"}
SOCIALACCOUNT_PROVIDERS = env.providers(list(SOCIAL))
INSTALLED_APPS += [f"allauth.socialaccount.providers.{name}" for name in SOCIALACCOUNT_PROVIDERS]

MIDDLEWARE = [
    "nebulai.request_ids.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "nebulai.middleware.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "nebulai.middleware.CompressText",
    "csp.middleware.CSPMiddleware",
    "nebulai.middleware.LanguageMiddleware",
    "nebulai.middleware.ReadableMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "nebulai.urls"
WSGI_APPLICATION = "nebulai.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": env.database("NEBULAI_DATABASE_URL", f"sqlite:///{DATA_DIR / 'nebulai.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers go on while one writes; IMMEDIATE makes writers wait their turn instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # A file also in tests: an in-memory database has neither WAL nor real locks between threads.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

SESSION_ENGINE = "nebulai.sessions"

# Rate limits live in the cache, so every process must see the same one: the database where no Redis is named. That one
# throws entries out beyond a number, limits among them; Django's own 300 would be a few hundred visitors.
CACHE_URL = env.secret("NEBULAI_CACHE_URL")
CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "nebulai_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

# `manage.py db_worker` trains and measures; it takes its tasks from a table of the database.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
DATASETS_DIR = env.text("NEBULAI_DATASETS_DIR") and Path(env.text("NEBULAI_DATASETS_DIR")).expanduser().resolve()
# Real galaxies that /quiz/ shows beside generated ones; without them there is no quiz.
QUIZ_IMAGES = env.text("NEBULAI_QUIZ_IMAGES") and Path(env.text("NEBULAI_QUIZ_IMAGES")).expanduser().resolve()

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA_DIR / "media"
S3_BUCKET = env.text("NEBULAI_S3_BUCKET")
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "nebulai.storage.WholeFileStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if S3_BUCKET:
    STORAGES["default"] = {
        "BACKEND": "nebulai.s3.PatientS3Storage",
        "OPTIONS": {
            "bucket_name": S3_BUCKET,
            "endpoint_url": env.text("NEBULAI_S3_ENDPOINT") or None,
            "region_name": env.text("NEBULAI_S3_REGION") or None,
        },
    }

# The browser's language until the switch in the footer is used, whose cookie lasts a year; English where it is neither.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "nebulai.formats"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True

# HTTPS. Behind a proxy its X-Forwarded-* headers are believed only when NEBULAI_TRUSTED_PROXY_COUNT says there is one.
HTTPS = env.flag("NEBULAI_HTTPS", PRODUCTION)
TRUSTED_PROXY_COUNT = env.natural("NEBULAI_TRUSTED_PROXY_COUNT", 0)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # asked from inside, without the proxy
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_FAILURE_VIEW = "nebulai.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# What browsers can do and no page here asks for.
UNUSED = """accelerometer autoplay browsing-topics camera display-capture encrypted-media geolocation gyroscope hid
magnetometer microphone midi payment picture-in-picture screen-wake-lock serial usb xr-spatial-tracking"""
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in UNUSED.split())
# Whether HSTS holds for sibling subdomains, or for the browsers' preload list, binds the whole domain: not ours to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'", *(SOCIAL[name] for name in SOCIALACCOUNT_PROVIDERS)],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.EmailBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "galaxies.login.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignupForm"}
ACCOUNT_USER_DISPLAY = "accounts.models.display_name"
SIGNUP = env.choice("NEBULAI_SIGNUP", ["open", "closed"])
ACCOUNT_EMAIL_VERIFICATION = env.choice("NEBULAI_EMAIL_VERIFICATION", ["optional", "mandatory"])
# No page tells whether an address has an account. Where it need not be verified, that means that a second person may
# sign up with it; see accounts.backends.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "NebulAI: "
ACCOUNT_EMAIL_NOTIFICATIONS = True
MFA_ADAPTER = "accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "NebulAI"
# A second factor on somebody else's address locks nobody out: who owns the address has an account of their own.
MFA_ALLOW_UNVERIFIED_EMAIL = True

# Mail goes to the terminal where no server is named.
EMAIL_URL = env.secret("NEBULAI_EMAIL_URL")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("NEBULAI_EMAIL_FROM", "NebulAI <nebulai@localhost>")
SECURITY_CONTACT = env.text("NEBULAI_SECURITY_CONTACT", f"mailto:{parseaddr(DEFAULT_FROM_EMAIL)[1]}")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_URL else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_SSL, EMAIL_USE_TLS = env.mail(EMAIL_URL)
EMAIL_TIMEOUT = 10

# allauth counts for us, too: these are actions of our own.
RATE_LIMITS = env.flag("NEBULAI_RATE_LIMITS", True)
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = (
    {"generate": "60/m/ip", "zip": "20/m/ip", "walk": "20/m/ip"} if RATE_LIMITS else False
)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT

METRICS_KEY = env.secret("NEBULAI_METRICS_KEY")  # without it there is no /metrics
LOGGING = logs.configuration(as_json=PRODUCTION)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = None
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one event for a request is enough, when it is answered
