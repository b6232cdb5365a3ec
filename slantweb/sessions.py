"""How long a session lives, and whether the provider still stands by the person in it.

| limit | what | ends with |
| --- | --- | --- |
| idle | SESSION_IDLE_MINUTES without a request of a person (polls are none) | `idle` |
| absolute | SESSION_COOKIE_AGE after sign-in, whatever happens | `absolute` |
| claims | CLAIMS_LONGEST_SECONDS after the provider last vouched, if it cannot be asked again | `claims` |
| renewal | the provider, asked again every CLAIMS_RENEW_SECONDS, refuses | `revoked` |

What changes in a session while it lives is written to its row under a lock and merged with what is there, never with
what this request read when it began: of two requests at once, one would else put an old refresh token back.
"""

import logging
import time
from importlib import import_module
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from opportunities.actions import drafts, people
from opportunities.clock import SystemClock
from opportunities.models import Person
from opportunities.views.actor import actor_of, session_ref
from opportunities.views.provider import ProviderUnreachable, SignInRefused
from slantweb.sign_on import SignOn

log = logging.getLogger(__name__)

ACTIVITY_SECONDS = 60
# How long a renewal may take before another request may try; how long to leave a provider in trouble alone.
RENEWING_SECONDS = 30
TROUBLE_SECONDS = 60


class Ended(Exception):
    """The provider no longer vouches for this person, so their session is over."""


def is_alive(request: HttpRequest, *, polling: bool) -> bool:
    """Whether the session is within its limits; a dead one is ended on the server, in the trail.

    Activity is written at most once a minute, and never by a poll, which therefore writes nothing at all.
    """
    session, now = request.session, int(time.time())
    began, seen = session.get("began"), session.get("seen")
    if began is None or seen is None:
        # A session opened by other means than our sign-in: its limits count from now.
        session["began"] = session["seen"] = now
        return True
    reasons = {
        "idle": now - seen > settings.SESSION_IDLE_MINUTES * 60,
        "absolute": now - began > settings.SESSION_COOKIE_AGE,
        "claims": "claims_at" in session and now - session["claims_at"] > settings.CLAIMS_LONGEST_SECONDS,
    }
    if reason := next((name for name, over in reasons.items() if over), ""):
        end(request, reason)
        return False
    if not polling and now - seen >= ACTIVITY_SECONDS:
        write(request, seen=now)
    return True


def seconds_left(request: HttpRequest) -> tuple[int, int] | None:
    """Until the session ends if nobody does anything, and until it ends whatever anybody does."""
    session, now = request.session, int(time.time())
    if "began" not in session or "seen" not in session:
        return None
    whatever = session["began"] + settings.SESSION_COOKIE_AGE - now
    if "claims_at" in session and not session.get("refreshes"):
        whatever = min(whatever, session["claims_at"] + settings.CLAIMS_LONGEST_SECONDS - now)
    return max(0, session["seen"] + settings.SESSION_IDLE_MINUTES * 60 - now), max(0, whatever)


def renew(request: HttpRequest, *, polling: bool) -> HttpResponse | None:
    """Ask the provider again, if it is time. The answer to give instead of the page: the way to the provider, or None.

    A provider that refuses ends the session (`Ended`). One that does not answer changes nothing until the claims are too old.
    """
    session, now = request.session, int(time.time())
    if "claims_at" not in session or now - session["claims_at"] < settings.CLAIMS_RENEW_SECONDS:
        return None
    if now < session.get("ask_after", 0):
        return None
    try:
        if _can_refresh(session):
            _refresh(request, now)
        elif _is_page_load(request, polling):
            write(request, ask_after=now + TROUBLE_SECONDS)
            return SignOn().begin(request, next=request.get_full_path(), renewing=True)
    except ProviderUnreachable:
        write(request, ask_after=now + TROUBLE_SECONDS)
    except SignInRefused as problem:
        log.warning("renewal refused", extra={"reason": problem.code})
        end(request, "revoked")
        raise Ended from problem
    return None


def end(request: HttpRequest, reason: str) -> None:
    """End the session on the server. What its person had typed waits for them."""
    person = cast(Person, request.user)
    drafts.mark_session_ended(person=person, session=session_ref(request))
    people.sign_out(person=person, by=actor_of(request), clock=SystemClock(), reason_code=reason)
    logout(request)


def _refresh(request: HttpRequest, now: int) -> None:
    """By refresh token. Many providers take each only once, so of several requests at once one does it."""
    if not write(request, only_if_free=now, renewing=now):
        return
    person = cast(Person, request.user)
    found = SignOn().renew(request, request.session.get("grant", ""))
    if found is None:
        # SECRET_KEY changed since it was sealed.
        write(request, refreshes=False, renewing=0)
        return
    identity, grant = found
    if (identity.iss, identity.sub) != (person.iss, person.sub):
        raise SignInRefused("somebody_else")
    people.update_roles(identity=identity, by=actor_of(request), clock=SystemClock())
    person.refresh_from_db()
    write(request, claims_at=now, renewing=0, grant=grant)


def _can_refresh(session: Any) -> bool:
    return bool(session.get("grant")) and session.get("refreshes") is True


def _is_page_load(request: HttpRequest, polling: bool) -> bool:
    """Whether a browser loads a whole page, which can go by the provider and come back unnoticed."""
    whole = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method == "GET" and whole and not polling and "HX-Request" not in request.headers


def write(request: HttpRequest, *, only_if_free: int = 0, **changes: Any) -> bool:
    """Put `changes` into the session's row. False if it is gone, or (`only_if_free`) somebody else renews it now."""
    key = request.session.session_key
    with transaction.atomic():
        row = Session.objects.select_for_update().filter(session_key=key).first()
        if row is None:
            return False
        data = row.get_decoded()
        if only_if_free and only_if_free - data.get("renewing", 0) < RENEWING_SECONDS:
            return False
        row.session_data = Session.objects.encode(data | changes)
        row.save(update_fields=["session_data"])
    # Read anew, and not marked as changed: nothing this request holds is written over it at its end.
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    return True
