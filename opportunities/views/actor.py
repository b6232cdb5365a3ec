"""The actor of a request, for the trail."""

from dataclasses import replace

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from opportunities.models import ActorType, Person
from opportunities.trail.audit import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person (or nobody yet) with session, address, browser and request number.

    `TrustedProxiesMiddleware` has determined the address.
    """
    user: Person | AnonymousUser = request.user
    if isinstance(user, AnonymousUser):
        somebody = Actor(type=ActorType.USER, display="not signed in")
    else:
        somebody = Actor.of(user)
    return replace(
        somebody,
        session_ref=session_ref(request),
        source_ip=request.META.get("REMOTE_ADDR", "")[:45],
        user_agent=request.headers.get("User-Agent", "")[:300],
        request_id=request.META.get("HTTP_X_REQUEST_ID", "")[:64],
    )


def session_row(request: HttpRequest) -> str:
    """The name of this browser's session in the database."""
    return str(request.session.row)  # type: ignore[attr-defined]  # SESSION_ENGINE's


def session_ref(request: HttpRequest) -> str:
    """A keyed hash that connects the events of one session. Nobody can use it as a session cookie."""
    key = request.session.session_key
    return salted_hmac("slantweb.session", key, algorithm="sha256").hexdigest() if key else ""
