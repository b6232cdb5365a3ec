"""How often one person, browser or address may do something, over all processes."""

import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import salted_hmac

from opportunities.actions import access_log, people
from opportunities.clock import SystemClock, is_due
from opportunities.models import Person
from opportunities.runtime import limits as counts
from opportunities.views import errors
from opportunities.views.actor import actor_of
from opportunities.views.requests import PageRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """At most `times` in `seconds` for each person, browser or address (`per`).

    `is_recorded`: the trail has an event of the first request beyond it. `slows`: a person beyond it gets no
    page until the window is over.
    """

    name: str
    times: int
    per: str
    seconds: int = 60
    is_recorded: bool = True
    slows: bool = False


SIGN_IN = (Limit("sign_in", 10, "browser"), Limit("sign_in", 200, "address"))
# Answers of the provider that no sign-in waits for. A real sign-in does not count, so an office that shares
# an address is not locked out. They are not recorded, so that a flood of them does not fill the trail.
CALLBACK = (Limit("sign_in_callback", 60, "address", is_recorded=False),)
SUBMISSION = (Limit("submission", 30, "person"),)
EXPORT = (Limit("export", 60, "person", seconds=60 * 60),)
REPORT = (Limit("report", settings.REPORTS_A_MINUTE, "person"),)
# Refused pages: a person who tries one id after another is slowed down, and cannot fill the trail.
DENIED = (Limit("access_denied", 60, "person", slows=True),)
PAGE = Limit("page", settings.PAGES_A_MINUTE, "person", slows=True)
# Pages are counted in the process, and written to the database once there are this many.
PAGES_AT_ONCE = 20

# For work done once at a time for one person: how long a second request waits, and when a first one whose
# process died no longer counts.
WAIT_SECONDS, HELD_SECONDS = 3, 60
View = Callable[..., HttpResponseBase]


def spend(request: HttpRequest, limits: tuple[Limit, ...]) -> int:
    """Count this request. Returns 0, or the seconds to wait when it exceeds a limit.

    The first request beyond the limit writes an event.
    """
    return max(_spend(request, limit) for limit in limits)


def spend_page(request: HttpRequest) -> None:
    """Count a page. Each process may exceed the limit by at most PAGES_AT_ONCE pages."""
    key, times = _key(request, PAGE), 0
    with _pages_lock:
        if len(_pages) > 10_000:
            _pages.clear()
        _pages[key] = _pages.get(key, 0) + 1
        if _pages[key] >= PAGES_AT_ONCE:
            times = _pages.pop(key)
    if times:
        _judge(request, PAGE, counts.add(key, ends_at=_end_of(PAGE), times=times), times)


def one_at_a_time(view: View) -> View:
    """One report at a time is made for one person: a second request waits for the first, then is refused."""

    @wraps(view)
    def guarded(request: PageRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        key = _hash(f"alone {request.person.pk}")
        if not _hold(key):
            return errors.too_often(request, WAIT_SECONDS)
        try:
            return view(request, *args, **kwargs)
        finally:
            counts.release(key)

    return guarded


def _hold(key: str) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        now = timezone.now()
        if counts.hold(key, now=now, until=now + timedelta(seconds=HELD_SECONDS)):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def slowed_seconds(person: Person) -> int:
    """How many seconds a person who exceeded a limit must still wait."""
    until, now = person.slowed_until, timezone.now()
    if until is None or is_due(until, now, longest=timedelta(seconds=PAGE.seconds)):
        return 0
    return math.ceil((until - now).total_seconds())


def is_first(name: str, value: str, *, seconds: int) -> bool:
    """Whether this `value` is new, over all processes. It is remembered for `seconds`."""
    return (
        counts.add(_hash(f"{name} {value}"), ends_at=datetime.fromtimestamp(time.time() + seconds, UTC)) == 1
    )


_pages: dict[str, int] = {}
_pages_lock = threading.Lock()


def _spend(request: HttpRequest, limit: Limit) -> int:
    if not _limit_subject(request, limit.per):
        # A browser without a cookie has no count of its own. Its address is counted.
        return 0
    return _judge(request, limit, counts.add(_key(request, limit), ends_at=_end_of(limit)), 1)


def _judge(request: HttpRequest, limit: Limit, count: int, added: int) -> int:
    """The seconds to wait if `count` exceeds the limit, else 0. `added` is how many of the count this call
    added.
    """
    if count <= limit.times:
        return 0
    if count - added <= limit.times:
        log.warning("too often", extra={"limit": limit.name, "per": limit.per})
        if limit.is_recorded:
            by = actor_of(request)
            access_log.record_limit_reached(name=limit.name, per=limit.per, by=by, clock=SystemClock())
        if limit.slows:
            people.slow_down(str(request.user.pk), until=_end_of(limit))
    return _rest(limit)


def _key(request: HttpRequest, limit: Limit) -> str:
    """The count of this person, browser or address in the present window."""
    window = int(time.time()) // limit.seconds
    return _hash(f"{limit.name} {limit.per} {window} {_limit_subject(request, limit.per)}")


def _hash(counted: str) -> str:
    return salted_hmac("slantweb.limits", counted, algorithm="sha256").hexdigest()


def _rest(limit: Limit) -> int:
    """Seconds to the next window."""
    return limit.seconds - int(time.time()) % limit.seconds


def _end_of(limit: Limit) -> datetime:
    return datetime.fromtimestamp(int(time.time()) + _rest(limit), UTC)


def _limit_subject(request: HttpRequest, per: str) -> str:
    match per:
        case "person":
            return str(request.user.pk)
        case "browser":
            # The CSRF cookie, because nobody can sign in without it.
            return str(request.META.get("CSRF_COOKIE") or request.session.session_key or "")
        case _:
            return _network(str(request.META.get("REMOTE_ADDR", "")))


def _network(address: str) -> str:
    """For IPv6 the /64 network: one subscriber has all of it (RFC 6177). For IPv4 the address itself."""
    with suppress(ValueError):
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return address
