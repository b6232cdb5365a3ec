"""Which function answers which method and path (Slant API 7).

Paths are matched on their encoded segments, so that `%2F` inside an id stays inside it.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from opportunities.sandbox import deals, directory, fields, households
from opportunities.sandbox.answers import Answer, Refused, not_found

Endpoint = Callable[..., Answer]

ROUTES: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/v1/me", directory.me),
    ("GET", "/v1/books", directory.books),
    ("GET", "/v1/books/{book_id}", directory.book),
    ("GET", "/v1/pipelines", directory.pipelines),
    ("GET", "/v1/pipelines/{pipeline_id}", directory.pipeline),
    ("GET", "/v1/opportunities", deals.index),
    ("POST", "/v1/opportunities", deals.create),
    ("GET", "/v1/opportunities/{opportunity_id}", deals.show),
    ("PATCH", "/v1/opportunities/{opportunity_id}", deals.change),
    ("GET", "/v1/households", households.index),
    ("POST", "/v1/households", households.create),
    ("GET", "/v1/households/{household_id}", households.show),
    ("PATCH", "/v1/households/{household_id}", households.change),
    ("GET", "/v1/households/{household_id}/opportunities", deals.index_of_household),
    ("POST", "/v1/households/{household_id}/opportunities", deals.create_in_household),
    ("GET", "/v1/households/{household_id}/opportunities/{opportunity_id}", deals.show_of_household),
    ("PATCH", "/v1/households/{household_id}/opportunities/{opportunity_id}", deals.change_in_household),
    ("POST", "/v1/households/{household_id}/notes", households.create_note),
    ("POST", "/v1/prospects", households.create_prospect),
    ("POST", "/v1/clients", households.create_client),
    ("GET", "/v1/custom_fields", fields.index),
    ("POST", "/v1/custom_fields", fields.create),
    ("GET", "/v1/custom_fields/{custom_field_id}", fields.show),
    ("POST", "/v1/tasks", households.create_task),
)

_SPLIT = tuple((method, tuple(pattern.split("/")), endpoint) for method, pattern, endpoint in ROUTES)


def resolve(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and its ids; 404 for an unknown path, 405 with `Allow` for a method the path does not
    take.
    """
    segments = path.split("/")
    allowed: list[str] = []
    for name, pattern, endpoint in _SPLIT:
        ids = _fit(pattern, segments)
        if ids is None:
            continue
        if name == method:
            return endpoint, ids
        allowed.append(name)
    if allowed:
        allow = (("Allow", ", ".join(allowed)),)
        raise Refused(405, "method_not_allowed", f"{method} is not possible here.", headers=allow)
    raise not_found("Page")


def _fit(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    ids: dict[str, str] = {}
    for part, segment in zip(pattern, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            ids[part[1:-1]] = unquote(segment)
        elif part != segment:
            return None
    return ids
