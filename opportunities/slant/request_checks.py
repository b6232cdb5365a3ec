"""Checks of what is sent: base URL, ids in paths, moments, bodies and idempotency keys."""

from __future__ import annotations

import ipaddress
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic_core import from_json

from opportunities.slant.errors import BadId

LONGEST_ID = 200  # characters, before encoding (reliability S14)


def record_path(collection: str, record_id: str) -> str:
    """The path of one record, its id as exactly one segment. Raises BadId (reliability S14)."""
    if (
        not isinstance(record_id, str)
        or record_id in ("", ".", "..")
        or len(record_id) > LONGEST_ID
        or any(unicodedata.category(mark) in ("Cc", "Cs") for mark in record_id)
    ):
        raise BadId(log_line=f"{collection}/: an id that cannot be a path segment")
    return f"{collection}/{quote(record_id, safe='')}"


def in_utc(moment: datetime) -> str:
    """A moment as Slant writes it: `2026-11-30T00:00:00Z`, rounded down to the second (Slant API 1).

    Raises ValueError for a naive datetime, which means another moment on another machine.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def checked_write(body: bytes, key: str) -> dict[str, Any]:
    """The JSON object in `body`. Raises TypeError or ValueError for a call that is wrong in our own code."""
    if not isinstance(body, bytes):
        raise TypeError("a body is the frozen bytes")
    if not (key and len(key) <= 255 and key.isascii() and key.isprintable() and " " not in key):
        raise ValueError("an idempotency key is 1 to 255 printable ASCII characters without spaces")
    fields = from_json(body)
    if not isinstance(fields, dict):
        raise ValueError("a body is a JSON object")
    return fields


def checked_base_url(base_url: str) -> str:
    """`base_url` without a final slash. Raises ValueError unless https or loopback (reliability S14)."""
    parts = urlsplit(base_url)
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise ValueError("the Slant base URL is scheme, host, port and path, nothing else")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("the Slant base URL must be https unless its host is loopback")
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
