"""Who looked at what, and who was refused what: into the trail, without any view having to think of it.

Looking is a page or a part of one about a single thing (a route with an `id`), asked for by a person; also a
form that was sent and comes back with the thing beside it. Never a list, and never the poll of a page opened
in this session: that it is one, only the browser says, so without such a page it counts as looking. Refused
is a 403, or a 404 about a single thing: whether it exists is not said here either.
"""

from django.core.cache import cache
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils.crypto import salted_hmac

from opportunities.actions import people
from opportunities.clock import SystemClock
from opportunities.views import limits
from opportunities.views.actor import actor_of
from opportunities.views.requests import PageRequest

# One more query is spared while this process remembers; the trail itself decides.
REMEMBERED_SECONDS = 14 * 60


def note(
    request: PageRequest, response: HttpResponseBase, match: ResolverMatch | None, *, polling: bool
) -> None:
    if match is None:
        return
    kind = match.url_name or match.view_name
    thing = "/".join(str(value) for value in match.kwargs.values())
    if "id" in match.kwargs and _shows(request, response):
        _once(request, "client_data.viewed", kind, thing, "ok", polling=polling)
    elif response.status_code == 404 and match.kwargs:
        _once(request, "access.denied", kind, thing, "refused", "out_of_reach")
    elif response.status_code == 403:
        _once(request, "access.denied", kind, thing, "refused", getattr(request, "refused_as", "role"))


def _shows(request: PageRequest, response: HttpResponseBase) -> bool:
    """Whether the thing itself is in the answer. What became of an accepted form has an event of its own."""
    if response.status_code == 422:
        return True
    asked = request.method == "GET" or (request.method == "POST" and "redraw" in request.POST)
    return asked and response.status_code == 200


def _once(
    request: PageRequest,
    action: str,
    kind: str,
    thing: str,
    outcome: str,
    reason_code: str = "",
    *,
    polling: bool = False,
) -> None:
    by = actor_of(request)
    asked = f"{request.user.pk} {action} {kind} {thing} {by.session_ref if polling else ''}"
    key = salted_hmac("slantweb.noted", asked).hexdigest()
    if cache.get(key):
        return
    made = people.record_access(
        by=by,
        clock=SystemClock(),
        action=action,
        object_type=kind,
        object_id=thing[:200],
        outcome=outcome,
        reason_code=reason_code,
        or_in_session=polling,
    )
    if made and outcome == "refused":
        limits.spend(request, limits.DENIED)
    # An event somebody else made may be nearly a quarter of an hour old.
    cache.set(key, 1, REMEMBERED_SECONDS if made or polling else 30)
