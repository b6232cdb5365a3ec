"""Decorators that say who may open a view, and how the middleware treats requests for it.

A view without a mark is closed: `SignInRequiredMiddleware` requires a signed-in person.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from opportunities.views.own_addresses import own_path
from opportunities.views.requests import PageRequest

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
ReadDraft = Callable[[Mapping[str, Any]], dict[str, str]]


@dataclass(frozen=True)
class DraftMark:
    """Which draft the view keeps when a form is posted after the session's end, and how to read the form."""

    form: str
    read_form: ReadDraft


def open_to_all(view: View) -> View:
    """Anybody may open this, signed in or not. tests/entry/test_closed_by_default.py lists every use."""
    view.open_to_all = True  # type: ignore[attr-defined]  # functions take attributes, their type does not say so
    return view


def for_machines(view: View) -> View:
    """For programs that authenticate with a secret: over plain http the request is refused, and not
    redirected.
    """
    view.for_machines = True  # type: ignore[attr-defined]  # as above
    return view


def poll(view: View) -> View:
    """Pages request this automatically, so it is not activity of a person and extends no session."""
    view.poll = True  # type: ignore[attr-defined]  # as above
    return view


def own_links_only(view: View) -> View:
    """A GET that writes an event in a person's name and counts against their limit, so other sites must not
    cause it.
    """
    view.own_links_only = True  # type: ignore[attr-defined]  # as above
    return view


def keeps_draft(form: str, *, read_form: ReadDraft) -> Callable[[View], View]:
    """A form posted here after the session's end becomes a draft of the person its form token names."""

    def mark(view: View) -> View:
        view.keeps_draft = DraftMark(form, read_form)  # type: ignore[attr-defined]  # as above
        return view

    return mark


def is_open(view: object) -> bool:
    return getattr(view, "open_to_all", False)


def is_for_machines(view: object) -> bool:
    return getattr(view, "for_machines", False)


def is_poll(request: HttpRequest, view: object) -> bool:
    """Whether the view is marked as a poll, or the request says so by `X-Poll: 1` (set with `hx-headers`)."""
    return getattr(view, "poll", False) or request.headers.get("X-Poll") == "1"


def is_foreign(request: HttpRequest, view: object) -> bool:
    """Whether another site causes this request, unless it is a link that somebody followed to a page.

    Decided by Fetch Metadata (`Sec-Fetch-Site`), which only browsers send.
    """
    # `same-site` is another host of the firm: its content is not ours, but its requests carry our cookie.
    if request.headers.get("Sec-Fetch-Site") not in ("cross-site", "same-site"):
        return False
    is_page = request.headers.get("Sec-Fetch-Dest") == "document" and "Sec-Purpose" not in request.headers
    return getattr(view, "own_links_only", False) or not is_page


def draft_mark_of(view: object) -> DraftMark | None:
    return getattr(view, "keeps_draft", None)


def page_of(request: PageRequest) -> str:
    """The path and query of the page the person is on, or the home page.

    It is never the address of a fragment, nor of a form's target.
    """
    if request.htmx:
        return own_path(request, request.headers.get("HX-Current-URL", "")) or "/"
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    return own_path(request, request.headers.get("Referer", "")) or "/"
