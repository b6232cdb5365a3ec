"""How long a session lives, and whether the provider still vouches for the person in it.

| limit | what | ends with |
| --- | --- | --- |
| idle | SESSION_IDLE_MINUTES without a request of a person (polls are none) | `idle` |
| absolute | SESSION_COOKIE_AGE after sign-in, whatever happens | `absolute` |
| claims | CLAIMS_LONGEST_SECONDS after the provider last vouched, if it cannot be asked again | `claims` |
| renewal | the provider, asked again every CLAIMS_RENEW_SECONDS, refuses | `revoked` |

A time in the future was stored before the clock was set back. Its age is unknown, so the limit that counts
from it has passed.

A change of a living session is merged with the present row under a lock, never with what this request read
when it began. Otherwise one of two simultaneous requests could restore an old refresh token.
"""

import logging
import time
from datetime import UTC, datetime
from importlib import import_module
from typing import cast

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from opportunities.actions import open_sessions, people
from opportunities.clock import CLOCKS_DIFFER, SystemClock
from opportunities.models import Person
from opportunities.views.actor import actor_of, session_row
from opportunities.views.provider import ProviderUnreachable, SignInRefused
from opportunities.views.requests import PageRequest
from opportunities.views.sign_in import end_session
from slantweb.sign_on import SignOn

log = logging.getLogger(__name__)

ACTIVITY_SECONDS = 60
# How long a renewal may take before another request may try; how long to wait after the provider failed.
RENEWING_SECONDS = 30
TROUBLE_SECONDS = 60
# How far apart the clocks of two web machines may be.
CLOCKS_DIFFER_SECONDS = int(CLOCKS_DIFFER.total_seconds())


class SessionEnded(Exception):
    """The provider no longer vouches for this person, so their session is over."""


def is_alive(request: PageRequest, *, polling: bool) -> bool:
    """Whether the session is within its limits; a dead one is ended on the server, in the trail.

    Activity is written at most once a minute, and never by a poll.
    """
    if _has_new_key(request):
        request.session.save()
        old = request.COOKIES[settings.SESSION_COOKIE_NAME]
        open_sessions.rename(session_key=old, to=session_row(request))
    session, now = request.session, int(time.time())
    began, last_seen = session.get("began"), session.get("seen")
    if began is None or last_seen is None:
        # The session was not opened by our sign-in, so its limits count from now.
        session["began"] = session["seen"] = now
        return True
    reasons = {
        "idle": have_passed(settings.SESSION_IDLE_MINUTES * 60, since=last_seen, now=now),
        "absolute": have_passed(settings.SESSION_COOKIE_AGE, since=began, now=now),
        "claims": "claims_at" in session
        and have_passed(settings.CLAIMS_LONGEST_SECONDS, since=session["claims_at"], now=now),
    }
    if reason := next((name for name, over in reasons.items() if over), ""):
        end_session(request, reason_code=reason)
        return False
    if not polling and now - last_seen >= ACTIVITY_SECONDS:
        _record_activity(request, now)
    return True


def _record_activity(request: PageRequest, now: int) -> None:
    update_session(request, seen=now)
    key, person = request.session.session_key, getattr(request, "user", None)
    if key and isinstance(person, Person):
        at = datetime.fromtimestamp(now, UTC)
        open_sessions.record_use(person=person, row=session_row(request), by=actor_of(request), now=at)


def have_passed(seconds: int, *, since: int, now: int) -> bool:
    """Whether more than `seconds` have passed. Also True if the clock was set back since."""
    return not -CLOCKS_DIFFER_SECONDS <= now - since <= seconds


def seconds_left(request: PageRequest) -> tuple[int, int] | None:
    """Seconds until the idle limit, and until the absolute one."""
    session, now = request.session, int(time.time())
    if "began" not in session or "seen" not in session:
        return None
    idle = session["seen"] + settings.SESSION_IDLE_MINUTES * 60 - now
    absolute = session["began"] + settings.SESSION_COOKIE_AGE - now
    if "claims_at" in session and not session.get("refreshes"):
        absolute = min(absolute, session["claims_at"] + settings.CLAIMS_LONGEST_SECONDS - now)
    return max(0, idle), max(0, absolute)


def renew(request: PageRequest, *, polling: bool) -> HttpResponse | None:
    """Ask the provider again if it is time. Returns a redirect to it if only a page load can ask.

    If the provider refuses, the session ends (`SessionEnded`). If it does not answer, nothing changes until
    the claims are too old.
    """
    session, now = request.session, int(time.time())
    if "claims_at" not in session:
        return None
    if not have_passed(settings.CLAIMS_RENEW_SECONDS - 1, since=session["claims_at"], now=now):
        return None
    if now < session.get("ask_after", 0) <= now + TROUBLE_SECONDS + CLOCKS_DIFFER_SECONDS:
        return None
    try:
        if _can_refresh(session):
            _refresh(request, now)
        elif _is_page_load(request, polling):
            update_session(request, ask_after=now + TROUBLE_SECONDS)
            return SignOn().begin(request, next=request.get_full_path(), renewing=True)
    except ProviderUnreachable:
        update_session(request, ask_after=now + TROUBLE_SECONDS)
    except SignInRefused as problem:
        log.warning("renewal refused", extra={"reason": problem.code})
        end_session(request, reason_code="revoked")
        raise SessionEnded from problem
    return None


def _refresh(request: PageRequest, now: int) -> None:
    """Renew by refresh token. Many providers accept each token only once, so only one of several simultaneous
    requests does it.
    """
    if not update_session(request, only_if_free=now, renewing=now):
        return
    person = cast(Person, request.user)
    renewal = SignOn().renew(request, request.session.get("grant", ""))
    if renewal is None:
        # SECRET_KEY changed since it was sealed.
        update_session(request, refreshes=False, renewing=0)
        return
    identity, grant = renewal
    if (identity.iss, identity.sub) != (person.iss, person.sub):
        raise SignInRefused("somebody_else")
    people.update_roles(identity=identity, by=actor_of(request), clock=SystemClock())
    person.refresh_from_db()
    update_session(request, claims_at=now, renewing=0, grant=grant)


def _can_refresh(session: SessionBase) -> bool:
    return bool(session.get("grant")) and session.get("refreshes") is True


def _is_page_load(request: PageRequest, polling: bool) -> bool:
    """Whether a browser loads a whole page, which can be redirected through the provider and back
    unnoticed.
    """
    is_document = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method == "GET" and is_document and not polling and not request.htmx


def update_session(request: HttpRequest, *, only_if_free: int = 0, **changes: object) -> bool:
    """Merge `changes` into the session's row. False if the row is gone, or with `only_if_free` if it is being
    renewed.
    """
    key = request.session.session_key
    with transaction.atomic():
        row = Session.objects.select_for_update().filter(session_key=session_row(request)).first()
        if row is None:
            return False
        data = row.get_decoded()
        renewing = data.get("renewing", 0)
        if only_if_free and not have_passed(RENEWING_SECONDS - 1, since=renewing, now=only_if_free):
            return False
        row.session_data = Session.objects.encode(data | changes)
        row.save(update_fields=["session_data"])
    # Loaded again and not marked as changed, so that this request does not overwrite it at its end.
    store = import_module(settings.SESSION_ENGINE).SessionStore(key)
    # The browser must get a new key, and Django sends it only with a changed session. No other request has
    # that key yet.
    store.modified = _has_new_key(request)
    request.session = store
    return True


def _has_new_key(request: HttpRequest) -> bool:
    """Whether Django gave the session a new key in this request, as it does once SECRET_KEY has changed.

    Its new row is empty until the session is saved.
    """
    cookie_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    return bool(cookie_key) and cookie_key != request.session.session_key
