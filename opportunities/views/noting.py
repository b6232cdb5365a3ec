"""Who looked at what, and who was refused what: into the trail, without any view having to think of it.

Looking is a page or a part of one about a single thing (a route with an `id`), asked for by a person; never a list and
never a poll. Refused is a 403, or a 404 about a single thing: whether it exists is not said here either.
"""

from django.core.cache import cache
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils.crypto import salted_hmac

from opportunities.actions import people
from opportunities.clock import SystemClock
from opportunities.views.actor import actor_of

# One more query is spared while this process remembers; the trail itself decides.
REMEMBERED_SECONDS = 14 * 60


def note(
    request: HttpRequest, response: HttpResponseBase, match: ResolverMatch | None, *, polling: bool
) -> None:
    if match is None or polling:
        return
    kind = match.url_name or match.view_name
    thing = "/".join(str(value) for value in match.kwargs.values())
    if response.status_code == 200 and request.method == "GET" and "id" in match.kwargs:
        _once(request, "client_data.viewed", kind, thing, "ok")
    elif response.status_code == 404 and match.kwargs:
        _once(request, "access.denied", kind, thing, "refused", "out_of_reach")
    elif response.status_code == 403:
        _once(request, "access.denied", kind, thing, "refused", getattr(request, "refused_as", "role"))


def _once(
    request: HttpRequest, action: str, kind: str, thing: str, outcome: str, reason_code: str = ""
) -> None:
    by = actor_of(request)
    key = salted_hmac("slantweb.noted", f"{request.user.pk} {action} {kind} {thing}").hexdigest()
    if cache.get(key):
        return
    made = people.note_once(
        by=by,
        clock=SystemClock(),
        action=action,
        object_type=kind,
        object_id=thing[:200],
        outcome=outcome,
        reason_code=reason_code,
    )
    # An event somebody else made may be nearly a quarter of an hour old.
    cache.set(key, 1, REMEMBERED_SECONDS if made else 30)
