"""Who is signed in, as Django's AuthenticationMiddleware tells it, while SECRET_KEY changes."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from opportunities.models import Person
from slantweb.auth import PersonBackend


class PersonMiddleware(AuthenticationMiddleware):
    """Moves a session of SECRET_KEY_FALLBACKS to the new key under its name, where Django gives it a new one.

    A page asks several things at the same time. All but the first would come with the old name, find no
    session, and be answered by deleting the cookie.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.user = SimpleLazyObject(lambda: _person_of(request))  # type: ignore[assignment]  # as Django does


def _person_of(request: HttpRequest) -> Person | AnonymousUser:
    session = request.session
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return AnonymousUser()
    person = PersonBackend().get_user(session.get(SESSION_KEY, ""))
    if person is None:
        return AnonymousUser()
    session_hash = session.get(HASH_SESSION_KEY, "")
    if constant_time_compare(session_hash, person.get_session_auth_hash()):
        return person
    if any(constant_time_compare(session_hash, older) for older in person.get_session_auth_fallback_hash()):
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        return person
    session.flush()
    return AnonymousUser()
