"""The access log: the middleware records for every view who opened what, and what was refused to whom.

A person opens an object by requesting a page, or a part of one, about one object (a route with an `id`). A
form that is returned with the object beside it counts too. A list does not count, nor does a poll of a page
that was opened in this session. Only the browser says that a request is a poll, so without such a page it
counts as opening.

A refusal is a 403, or a 404 about one object. The event does not say whether the object exists.
"""

from django.core.cache import caches
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils.crypto import salted_hmac

from opportunities.actions import access_log as actions
from opportunities.clock import SystemClock
from opportunities.forms.parameters import RedrawForm
from opportunities.views import limits
from opportunities.views.actor import actor_of
from opportunities.views.requests import PageRequest

# The trail decides whether an event is due. The process's memory saves the query.
REMEMBERED_SECONDS = 14 * 60
# The earlier event may be from another process, and nearly as old as the interval.
REMEMBERED_SECONDS_OF_OTHERS = 30


def record(
    request: PageRequest, response: HttpResponseBase, match: ResolverMatch | None, *, polling: bool
) -> None:
    if match is None:
        return
    kind = match.url_name or match.view_name
    object_id = "/".join(str(value) for value in match.kwargs.values())
    if "id" in match.kwargs and _shows_thing(request, response):
        _record_once(request, "client_data.viewed", kind, object_id, "ok", polling=polling)
    elif response.status_code == 404 and match.kwargs:
        _record_once(request, "access.denied", kind, object_id, "refused", "out_of_reach")
    elif response.status_code == 403:
        reason = getattr(request, "refused_as", "role")
        _record_once(request, "access.denied", kind, object_id, "refused", reason)


def _shows_thing(request: PageRequest, response: HttpResponseBase) -> bool:
    """Whether the answer shows the object itself. An accepted form has its own events."""
    if response.status_code == 422:
        return True
    is_view = request.method == "GET" or (request.method == "POST" and RedrawForm(request.POST).is_redraw)
    return is_view and response.status_code == 200


def _record_once(
    request: PageRequest,
    action: str,
    kind: str,
    object_id: str,
    outcome: str,
    reason_code: str = "",
    *,
    polling: bool = False,
) -> None:
    by = actor_of(request)
    fingerprint = f"{request.user.pk} {action} {kind} {object_id} {by.session_ref if polling else ''}"
    key = salted_hmac("slantweb.noted", fingerprint, algorithm="sha256").hexdigest()
    if caches["process"].get(key):
        return
    is_new = actions.record_access(
        by=by,
        clock=SystemClock(),
        action=action,
        object_type=kind,
        object_id=object_id[:200],
        outcome=outcome,
        reason_code=reason_code,
        or_in_session=polling,
    )
    if is_new and outcome == "refused":
        limits.spend(request, limits.DENIED)
    caches["process"].set(key, 1, REMEMBERED_SECONDS if is_new or polling else REMEMBERED_SECONDS_OF_OTHERS)
