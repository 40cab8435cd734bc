"""Logs: in production a JSON line for each event, elsewhere a line for people. None of them says who somebody is.

logs.configuration(as_json=True)        # Django's LOGGING
logs.formatter(as_json=True)            # for handlers of others, such as gunicorn's

What anybody logs, libraries too, passes `without_people`. Events of one request share its `request_id`.
"""

import re
import sys
from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

OURS = ("django", "galaxies", "accounts", "dashboard", "nebulai", "django_tasks", "django_tasks_db")
PERSONAL = {"ip", "user_agent", "user_id"}  # which django-structlog would log
HIDDEN = "[hidden]"

# A local part has at most 64 characters (RFC 5321); without the bound, long words would take for ever.
EMAIL = re.compile(r"[^\s@\"'<>(),;:=/?&\[\]{}|\\]{1,64}(?:@|%40)[\w-]+(?:\.[\w-]+)*")
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\d)")
# Every one that a network hands out begins with a group of four digits; without it, [::2] of a program would be one.
IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
# Whoever has one of these addresses can do something by it.
KEY = re.compile(r"(/accounts/(?:confirm-email|password/reset/key)/|/upload/)[^/\s\"'?]+")


def refused_in_a_line(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """Return an event without traceback if it is of a request that was refused (4xx): nothing of ours failed."""
    source = event.get("logger") or ""
    if source.startswith("django.security") or (source == "django.request" and event["level"] == "warning"):
        event.pop("exc_info", None)
    return event


SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    refused_in_a_line,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,  # as text: no value of a variable comes in
]


def configuration(as_json: bool) -> dict[str, Any]:
    """Return Django's LOGGING, and let structlog's loggers write through it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter, "as_json": as_json}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {name: {"level": "INFO"} for name in OURS}
        | {
            "django.server": {"level": "WARNING", "handlers": [], "propagate": True}
        },  # runserver's own list of requests
    }


def formatter(as_json: bool) -> structlog.stdlib.ProcessorFormatter:
    """Return what writes the line of an event, whoever logs it."""
    last: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_people, last],
    )


def without_people(logger: WrappedLogger, name: str, event: EventDict) -> MutableMapping[str, Any]:
    """Return an event without what says who somebody is."""
    return {key: _hidden(value) for key, value in event.items() if key not in PERSONAL}


def _hidden(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {hide(str(key)): _hidden(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(each) for each in value]
    return hide(str(value))


def hide(text: str) -> str:
    """Return a text without e-mail addresses, IP addresses and secret addresses of pages."""
    text = KEY.sub(rf"\1{HIDDEN}", text)
    if "@" in text or "%40" in text:
        text = EMAIL.sub(HIDDEN, text)
    return IPV6.sub(_unless_own, IPV4.sub(_unless_own, text))


def _unless_own(found: re.Match[str]) -> str:
    """Return what stands for something like an IP address: itself if it is none, or means this machine."""
    try:
        address = ip_address(found[0])
    except ValueError:
        return found[0]
    return found[0] if address.is_loopback or address.is_unspecified else HIDDEN
