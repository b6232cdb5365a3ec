"""How often one person, browser or address may do a thing. The cache holds the counts of each window."""

import logging
import time
from dataclasses import dataclass

from django.core.cache import cache
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from opportunities.actions import access_log
from opportunities.clock import SystemClock
from opportunities.views.actor import actor_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most `times` in `seconds` for each person, browser or address (`per`)."""

    name: str
    times: int
    per: str
    seconds: int = 60


SIGN_IN = (Limit("sign_in", 10, "browser"), Limit("sign_in", 200, "address"))
# A browser that comes back from the provider also renews by page loads, in each of its tabs.
CALLBACK = (Limit("sign_in_callback", 60, "browser"), Limit("sign_in_callback", 200, "address"))
SUBMISSION = (Limit("submission", 30, "person"),)
EXPORT = (Limit("export", 60, "person", seconds=60 * 60),)
# Different things out of reach: whoever tries numbers is slowed down, and the trail is not filled by them.
DENIED = (Limit("access_denied", 60, "person"),)


def spend(request: HttpRequest, limits: tuple[Limit, ...]) -> int:
    """Count this request. 0, or the seconds to wait when it is one too many.

    The first request too many is an event of the trail.
    """
    return max(_spend(request, limit) for limit in limits)


def overspent(request: HttpRequest, limits: tuple[Limit, ...]) -> int:
    """The seconds to wait where a limit was passed already, else 0. Counts nothing."""
    return max(_rest(limit) if cache.get(_key(request, limit), 0) > limit.times else 0 for limit in limits)


def _spend(request: HttpRequest, limit: Limit) -> int:
    if not _who(request, limit.per):
        # A browser without any cookie yet; the address it comes from is counted all the same.
        return 0
    key = _key(request, limit)
    cache.add(key, 0, timeout=limit.seconds * 2)
    try:
        count = cache.incr(key)
    except ValueError:
        # It was pushed out of the cache between the two calls: a new count.
        count = 1
    if count <= limit.times:
        return 0
    if count == limit.times + 1:
        log.warning("too often", extra={"limit": limit.name, "per": limit.per})
        by = actor_of(request)
        access_log.record_limit_reached(name=limit.name, per=limit.per, by=by, clock=SystemClock())
    return _rest(limit)


def _key(request: HttpRequest, limit: Limit) -> str:
    """The count of this person, browser or address in the present window."""
    who = salted_hmac("slantweb.limits", _who(request, limit.per), algorithm="sha256").hexdigest()
    return f"limit:{limit.name}:{limit.per}:{int(time.time()) // limit.seconds}:{who}"


def _rest(limit: Limit) -> int:
    """Seconds to the next window."""
    return limit.seconds - int(time.time()) % limit.seconds


def _who(request: HttpRequest, per: str) -> str:
    match per:
        case "person":
            return str(request.user.pk)
        case "browser":
            # The cookie the form's own protection needs, so there is no signing in without one.
            return str(request.META.get("CSRF_COOKIE") or request.session.session_key or "")
        case _:
            return str(request.META.get("REMOTE_ADDR", ""))
