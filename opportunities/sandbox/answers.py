"""Answers and refusals, in every reading of the undocumented error body (Slant API 10.3)."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: status, raw body, content type, further headers."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def json(self) -> Any:
        return json.loads(self.body)


class Refused(Exception):
    """A request that is answered with an error. `details` maps a field to its sentences.

    `status` None stands for the switch `validation_status` (Slant API 10.4).
    """

    def __init__(
        self,
        status: int | None,
        code: str,
        message: str,
        details: Mapping[str, list[str]] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = dict(details or {})
        self.headers = headers

    def answer(self, switches: Mapping[str, str]) -> Answer:
        status = int(switches["validation_status"]) if self.status is None else self.status
        return error(status, self.code, self.message, self.details, switches["error_shape"], self.headers)


def invalid(details: Mapping[str, list[str]]) -> Refused:
    """Validation failed at these fields."""
    return Refused(None, "validation_failed", "Some fields are not valid.", details)


def not_found(record_name: str = "Record") -> Refused:
    return Refused(404, "not_found", f"{record_name} not found.")


def encode(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()


def answer(status: int, data: Any) -> Answer:
    return Answer(status, encode(data))


def error(
    status: int,
    code: str,
    message: str,
    details: Mapping[str, list[str]],
    shape: str,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """An error in one of the four shapes of the switch `error_shape`."""
    if shape == "html":
        lines = "".join(
            f"<li>{html.escape(f'{name}: {text}')}</li>" for name, texts in details.items() for text in texts
        )
        return page(status, message, f"<ul>{lines}</ul>" if lines else "", headers)
    body: dict[str, Any]
    if shape == "flat":
        pairs = [{"field": name, "message": text} for name, texts in details.items() for text in texts]
        body = {"error": code, "error_description": message, "errors": pairs}
    elif shape == "field_map":
        body = {"code": code, "message": message, "errors": dict(details)}
    else:
        body = {"error": {"code": code, "message": message, "details": dict(details)}}
    return Answer(status, encode(body), headers=headers)


def page(status: int, title: str, inner: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An HTML error page, as a proxy in front of Slant would send it."""
    text = html.escape(title)
    body = (
        f"<!doctype html><html><head><title>{text}</title></head><body><h1>{text}</h1>{inner}</body></html>"
    )
    return Answer(status, body.encode(), HTML, headers)
