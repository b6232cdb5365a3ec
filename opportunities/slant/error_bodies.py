"""Reading the bodies of errors, whose shape Slant does not document (Slant API 10.3).

Every likely shape is tried, and none is required. The result is short plain text, because a body may hold
markup, a stack trace or our own token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pydantic_core import from_json

from opportunities.slant.secret import Secret

_LONGEST = 300
_MOST_FIELDS, _MOST_REASONS, _DEEPEST = 40, 10, 4
_MARKUP = re.compile(r"<[a-zA-Z!/?]")
# A code is logged, so it must be a word. A number could be a birth date, a phone number or an id.
_CODE = re.compile(r"(?=.{1,64}$)[A-Za-z]+(?:[_.-][A-Za-z]+)*")
_FIELD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error body says: Slant's code, one line for people, reasons by field. All may be empty."""

    code: str = ""
    message: str = ""
    field_errors: dict[str, list[str]] = field(default_factory=dict)


def read_error_body(body: bytes, secret: Secret) -> ErrorBody:
    """The code, message and reasons of an error body; all empty for anything but a JSON object.

    code     `error.code`, `error`, `code`
    message  `error.message`, `message`, `error_description`
    fields   `error.details`, `details`, `errors`, as a map or a list, and `detail` (RFC 9457)
    """
    try:
        data = from_json(body, allow_inf_nan=False)
    except ValueError:
        return ErrorBody()
    if not isinstance(data, dict):
        return ErrorBody()

    error = data.get("error")
    inner = error if isinstance(error, dict) else {}
    words = [plain(text, secret) for text in (inner.get("code"), error, data.get("code"))]
    code = next((word for word in words if _CODE.fullmatch(word)), "")

    reasons: dict[str, list[str]] = {}
    for place in (inner.get("details"), inner.get("errors"), *map(data.get, ("details", "errors", "detail"))):
        for name, reason in islice(_reasons(place), _MOST_FIELDS * _MOST_REASONS):
            _add_reason(reasons, _field_name(name, secret), plain(reason, secret))
    unplaced = reasons.pop("", [])

    # `error` as a sentence is a message, not a code.
    sentence = error if isinstance(error, str) and not code else None
    lines = (inner.get("message"), data.get("message"), data.get("error_description"), sentence)
    message = next((line for line in (plain(text, secret) for text in lines) if line), "")
    return ErrorBody(code, message or cut(" ".join(unplaced)), reasons)


def plain(text: object, secret: Secret) -> str:
    """`text` as one short line for people: no control or invisible characters, no secret.

    Anything but a string, and a string of markup or JSON, becomes "".
    """
    if not isinstance(text, str):
        return ""
    text = text[: _LONGEST * 10]
    text = "".join(" " if unicodedata.category(mark)[0] in "CZ" else mark for mark in text)
    text = secret.scrub(" ".join(text.split()))
    if _MARKUP.search(text) or text.startswith(("{", "[{", '["')):
        return ""
    return cut(text)


def cut(text: str) -> str:
    """At most 300 characters; an ellipsis marks a cut."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _reasons(place: Any, name: object = "", depth: int = 0) -> Iterator[tuple[object, object]]:
    """(field name, reason) pairs from a map, a list, or a mixture of both."""
    if depth > _DEEPEST:
        return
    if isinstance(place, str):
        yield name, place
    elif isinstance(place, list):
        for entry in place:
            yield from _reasons(entry, name, depth + 1)
    elif isinstance(place, dict):
        reason = next(
            (place[key] for key in ("message", "msg", "detail", "reason") if _is_text(place.get(key))), None
        )
        named = next(
            (place[key] for key in ("field", "param", "loc", "pointer", "name") if place.get(key)), name
        )
        if reason is not None:
            yield named, reason
        elif _is_text(place.get("field")) and _is_text(place.get("code")):
            yield named, place["code"]
        else:
            for key, entry in place.items():
                yield from _reasons(entry, key, depth + 1)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _field_name(name: object, secret: Secret) -> str:
    """The last part of `name`, `/data/name`, `opportunity.name` or `["body", "name"]`; "" for the whole form.

    `owner_id` is Slant's alias of `assigned_to_id`, the one we send (Slant API 7.5).
    """
    last = name[-1] if isinstance(name, list) and name else name
    word = re.split(r"[./]", plain(last, secret))[-1]
    if word in ("base", "__all__", "non_field_errors", "body") or not _FIELD.fullmatch(word):
        return ""
    return "assigned_to_id" if word == "owner_id" else word


def _add_reason(reasons: dict[str, list[str]], name: str, reason: str) -> None:
    if reason and (name in reasons or len(reasons) < _MOST_FIELDS):
        field_reasons = reasons.setdefault(name, [])
        if reason not in field_reasons and len(field_reasons) < _MOST_REASONS:
            field_reasons.append(reason)
