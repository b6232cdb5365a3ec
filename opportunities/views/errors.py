"""Error pages in plain words, never a trace, with a fragment for htmx.

Each status has one page for all causes, so a deal out of reach looks like one that never existed.
"""

import sys
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse
from django.template import loader
from django.template.loader import render_to_string
from psycopg_pool import PoolTimeout, TooManyRequests

from opportunities.access import Action, may
from opportunities.views.requests import PageRequest

# The settings that a server outside the demo needs. Only the worker gets the token, never the web.
NEEDED = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "SLANT_BASE_URL")


@dataclass(frozen=True)
class ErrorPage:
    """What happened, what it means, and where to go on."""

    status: int
    icon: str
    title: str
    text: str


BAD_REQUEST = ErrorPage(
    400,
    "exclamation-octagon",
    "This address or form cannot be read",
    "Something in it is not in a form we understand. Nothing was sent. "
    "Go back and try again from the page itself.",
)
FORBIDDEN = ErrorPage(
    403,
    "lock",
    "Your role does not include this page",
    "Nothing was changed. If you should have access, ask a manager on your team.",
)
NOT_FOUND = ErrorPage(
    404,
    "lock",
    "There is nothing here for you",
    "Either this page or deal does not exist, or it is in a book you do not work in. "
    "If you should see it, ask the principal of the book.",
)
EXPIRED_FORM = ErrorPage(
    403,
    "clock-history",
    "This form has expired",
    "You signed in or out after it was opened, or your browser does not keep cookies for this site. "
    "Nothing was sent. Go back, reload the page and send it again.",
)
TOO_OFTEN = ErrorPage(
    429,
    "clock-history",
    "Too many requests",
    "Nothing was sent. Wait a minute and try again.",
)
FOREIGN = ErrorPage(
    403,
    "lock",
    "This link came from another site",
    "Nothing was made or recorded. Open the page in Slantweb and take the file from there.",
)
BROKEN = ErrorPage(
    500,
    "exclamation-octagon",
    "This page could not be drawn",
    "Nothing you sent is lost.",
)

BUSY = ErrorPage(
    503,
    "clock-history",
    "Slantweb is busy",
    "There was no free connection to the database, so nothing was saved or sent. "
    "Wait a few seconds and try again.",
)
BUSY_SECONDS = 5

LAST_RESORT = (
    "<!doctype html><html lang=en><title>Something broke - Slantweb</title>"
    "<h1>This page could not be drawn</h1>"
    "<p>Nothing you sent is lost. Try again in a minute.</p></html>"
)


def bad_request(request: PageRequest, exception: Exception | None = None) -> HttpResponse:
    return _render_error(request, BAD_REQUEST)


def forbidden(request: PageRequest, exception: Exception | None = None) -> HttpResponse:
    return _render_error(request, FORBIDDEN)


def not_found(request: PageRequest, exception: Exception | None = None) -> HttpResponse:
    return _render_error(request, NOT_FOUND)


def csrf_failure(request: PageRequest, reason: str = "") -> HttpResponse:
    """`reason` is Django's, for developers. It is in the log."""
    request.refused_as = "forged_form"
    return _render_error(request, EXPIRED_FORM)


def server_error(request: PageRequest) -> HttpResponse:
    """Drawn without the request, so that neither the database nor a context processor can fail again."""
    number = request.META.get("HTTP_X_REQUEST_ID", "")
    problem = BUSY if _had_no_connection(sys.exc_info()[1]) else BROKEN
    try:
        template = "opportunities/partials/problem.html" if request.htmx else "500.html"
        page = loader.get_template(template).render({"problem": problem, "request_id": number})
    except Exception:
        page = LAST_RESORT
    headers = {"Retry-After": str(BUSY_SECONDS)} if problem is BUSY else {}
    return HttpResponse(page, status=problem.status, headers=headers)


def _had_no_connection(failure: BaseException | None) -> bool:
    """Whether the pool had no free connection. A connection is needed before any write, so nothing was
    written.
    """
    return isinstance(failure, DatabaseError) and isinstance(failure.__cause__, PoolTimeout | TooManyRequests)


def no_access(request: PageRequest) -> HttpResponse:
    """For a person who is in none of the groups: they cannot come in, and the page says whom to ask."""
    request.refused_as = "no_group"
    if request.htmx:
        return _render_error(request, FORBIDDEN)
    context = {"groups": sorted({group for groups in settings.OIDC_GROUPS.values() for group in groups})}
    return HttpResponse(render_to_string("opportunities/no_access.html", context, request), status=403)


def too_often(request: PageRequest, wait: int) -> HttpResponse:
    """A limit was exceeded; `wait` is the seconds to wait."""
    response = _render_error(request, TOO_OFTEN)
    response["Retry-After"] = str(wait)
    return response


def not_from_here(request: PageRequest) -> HttpResponse:
    """Another site made this person's browser request something that only our own pages may request."""
    return _render_error(request, FOREIGN)


def setup_needed(request: PageRequest) -> HttpResponse:
    """Neither demo nor sign-on is configured: names what is missing. Drawn without the database."""
    missing = [name for name in NEEDED if not getattr(settings, name)]
    page = loader.get_template("opportunities/setup.html").render({"missing": missing})
    return HttpResponse(page, status=503, headers={"Retry-After": "60"})


def _render_error(request: PageRequest, problem: ErrorPage) -> HttpResponse:
    """With the shell for signed-in people, without it for all others, as a fragment for htmx."""
    if request.htmx:
        page = render_to_string("opportunities/partials/problem.html", {"problem": problem})
    else:
        layout = "base.html" if _has_entered(request) else "bare.html"
        page = render_to_string("opportunities/problem.html", {"problem": problem, "layout": layout}, request)
    return HttpResponse(page, status=problem.status)


def _has_entered(request: PageRequest) -> bool:
    # Requests refused by an early middleware (a bad Host, say) have no user at all.
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated and may(user, Action.ENTER)
