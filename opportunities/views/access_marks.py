"""How a view says who may come in, and what it wants done for people who may not any more.

Without a mark it is closed: `SignInRequiredMiddleware` asks for a signed-in person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.http.response import HttpResponseBase
from django.utils.http import url_has_allowed_host_and_scheme

from opportunities.views.requests import PageRequest

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


@dataclass(frozen=True)
class Keeping:
    """What to keep of a form whose session has ended: under which name, and how to read it."""

    form: str
    read: Callable[[Mapping[str, Any]], dict[str, str]]


def open_to_all(view: View) -> View:
    """Anybody may open this, signed in or not. Every use is listed in tests/entry/test_closed_by_default.py."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def poll(view: View) -> View:
    """The page asks for this by itself, so it is no sign of a person being there: it never extends their
    session.
    """
    view.poll = True  # type: ignore[attr-defined]
    return view


def keeps_draft(form: str, *, read: Callable[[Mapping[str, Any]], dict[str, str]]) -> Callable[[View], View]:
    """What is posted here after the session's end becomes a draft of the person its form token names."""

    def mark(view: View) -> View:
        view.keeps_draft = Keeping(form, read)  # type: ignore[attr-defined]
        return view

    return mark


def is_open(view: object) -> bool:
    return getattr(view, "open_to_all", False)


def is_poll(request: PageRequest, view: object) -> bool:
    """A marked view, or one that serves page and poll alike and was asked with `X-Poll: 1` (by `hx-headers`)."""
    return getattr(view, "poll", False) or request.headers.get("X-Poll") == "1"


def kept_by(view: object) -> Keeping | None:
    return getattr(view, "keeps_draft", None)


def page_of(request: PageRequest) -> str:
    """The page the person is on, with its query: never a fragment, nor the target of a form; else the home
    page.
    """
    if request.htmx:
        return _own_path(request, request.headers.get("HX-Current-URL", ""))
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return _own_path(request, request.headers.get("Referer", ""))


def _own_path(request: PageRequest, url: str) -> str:
    if not url or not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}):
        return "/"
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
