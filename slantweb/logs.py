"""Logging: one JSON line an event, with the request and person it belongs to, and never a secret.

Query strings and payloads are client data, and no code logs them. Secrets are scrubbed here, once in the
record (`ScrubFilter`, so that every handler is safe) and once in the finished line (`JsonFormatter`).
"""

import logging
import re
import time
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.views.debug import ExceptionReporter
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as BaseJsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="")
person_id: ContextVar[str] = ContextVar("person_id", default="")

HIDDEN = "[hidden]"
SECRET_SETTINGS = (
    "SLANT_API_TOKEN",
    "OIDC_CLIENT_SECRET",
    "METRICS_TOKEN",
    "SECRET_KEY",
    "EMAIL_HOST_PASSWORD",
)
# Shorter values would match ordinary words; no real secret is that short.
SHORTEST_SECRET = 8

_SHAPES = (
    (re.compile(r"slnt_pat_[A-Za-z0-9_\-]+"), HIDDEN),
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=\-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)\b(basic)\s+[A-Za-z0-9+/]{12,}={0,2}"), rf"\1 {HIDDEN}"),
    # name=value, name: value, and both in JSON, also in JSON inside of JSON, where quotes wear backslashes.
    (
        re.compile(
            r"(?i)\b(client_secret|refresh_token|access_token|id_token|code_verifier|sessionid|csrftoken"
            r"|csrfmiddlewaretoken)(\\*[\"']?\s*[=:]\s*\\*[\"']?)[^\s\"'&;,}\\]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
    # The password in a URL: DATABASE_URL, QUEUE_URL, EMAIL_URL.
    (re.compile(r"(://[^\s/:@]*:)[^\s/@]+@"), rf"\1{HIDDEN}@"),
)


# PostgreSQL adds the row or the key to an error, which may be a client's data.
_ROW = re.compile(r"(?m)\b(DETAIL|CONTEXT):.*$")


def scrub(text: str) -> str:
    """`text` without tokens, secrets and passwords, found by shape and by the values in the settings."""
    # gunicorn's first process loads no settings, so it does not have their secrets.
    names = SECRET_SETTINGS if settings.configured else ()
    secrets = [getattr(settings, name, "") or "" for name in names]
    for secret in [*secrets, *(settings.SECRET_KEY_FALLBACKS if settings.configured else [])]:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def _hide_rows(text: str) -> str:
    """`text`, before it becomes part of a JSON line, without the row that a database quotes."""
    return _ROW.sub(rf"\1: {HIDDEN}", text)


class ContextFilter(logging.Filter):
    """Adds the present request and person, if there are any."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in (("request_id", request_id.get()), ("person_id", person_id.get())):
            if value and not hasattr(record, name):
                setattr(record, name, value)
        return True


class OneLineFilter(logging.Filter):
    """Makes one warning of what Django logs of a forged request, as of a Host that is not ours.

    Django logs an error with a traceback through itself, which says nothing about us: whoever sends such
    requests would fill the log.
    """

    LONGEST = 300

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info, record.exc_text = None, None
            record.msg, record.args = record.getMessage()[: self.LONGEST], None
        return True


class ScrubFilter(logging.Filter):
    """Scrubs message, arguments and traceback in the record itself, so that no later handler shows them."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # A log call with wrong arguments must not break the request that made it.
            message = f"{record.msg} {record.args!r}"
        record.msg = scrub(_hide_rows(message))
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrub(_hide_rows(record.exc_text))
        return True


class JsonFormatter(BaseJsonFormatter):
    """Formats the line. All of it is scrubbed too: extras and chained errors are added after the filter.

    `request`, which Django attaches to its own records, is left out, because it prints the query string.
    """

    # In UTC, as the Z at its end says: Django sets the process's own zone to the firm's.
    converter = staticmethod(time.gmtime)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs, reserved_attrs=[*RESERVED_ATTRS, "request"])

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return f"{super().formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z"

    def formatException(self, ei: Any) -> str:
        return _hide_rows(str(super().formatException(ei)))

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


class ScrubbedReporter(ExceptionReporter):
    """The page DEBUG shows of a failure and the text that is mailed, scrubbed as a whole.

    Both return a `SafeString` in Django's types; scrubbed text is a `str`, and Django only sends it.
    """

    def get_traceback_html(self) -> str:  # type: ignore[override]
        return scrub(super().get_traceback_html())

    def get_traceback_text(self) -> str:  # type: ignore[override]
        return scrub(super().get_traceback_text())
