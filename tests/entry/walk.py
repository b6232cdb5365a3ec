"""Every address the application answers, from the URLconf itself, so that a later view is covered unasked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.converters import IntConverter, UUIDConverter

ANY_UUID = UUID("11111111-2222-4333-8444-555555555555")


@dataclass(frozen=True)
class Route:
    """One address with made-up parts in the places of its parameters."""

    name: str
    path: str
    view: Any
    # The names of its parameters.
    params: tuple[str, ...] = ()


def routes() -> list[Route]:
    return list(_walk(get_resolver(), "", "/", ()))


def _walk(resolver: URLResolver, namespace: str, prefix: str, params: tuple[str, ...]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        path = prefix + _example(entry)
        names = (*params, *entry.pattern.converters)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, inner, path, names)
        elif isinstance(entry, URLPattern):
            yield Route(f"{namespace}{entry.name}", path, entry.callback, names)


def _example(entry: URLPattern | URLResolver) -> str:
    text = str(entry.pattern)
    for name, converter in entry.pattern.converters.items():
        value = {UUIDConverter: str(ANY_UUID), IntConverter: "1"}.get(type(converter), "x1")
        for kind in ("uuid", "int", "slug", "str", "path", "slant_id"):
            text = text.replace(f"<{kind}:{name}>", value)
        text = text.replace(f"<{name}>", value)
    assert "<" not in text, f"teach tests/entry/walk.py the parameters of {text}"
    return text
