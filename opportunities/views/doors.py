"""How a view says who may come in. Without a mark it is closed: `SignInRequiredMiddleware` asks for a signed-in person."""

from collections.abc import Callable
from typing import TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def open_to_all(view: View) -> View:
    """Anybody may open this, signed in or not. Every use is listed in tests/entry/test_closed_by_default.py."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def poll(view: View) -> View:
    """The page asks for this by itself, so it is no sign of a person being there: it never extends their session."""
    view.poll = True  # type: ignore[attr-defined]
    return view


def is_open(view: object) -> bool:
    return getattr(view, "open_to_all", False)


def is_poll(request: HttpRequest, view: object) -> bool:
    """A marked view, or one that serves page and poll alike and was asked with `X-Poll: 1` (by `hx-headers`)."""
    return getattr(view, "poll", False) or request.headers.get("X-Poll") == "1"
