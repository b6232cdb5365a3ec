"""Coming in and going out. Whoever vouches for a person (the demo now, a provider later), `let_in` opens the session."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_POST, require_safe

from opportunities.access import Action, may
from opportunities.actions import people
from opportunities.actions.audit import Actor
from opportunities.actions.people import Identity
from opportunities.clock import SystemClock
from opportunities.models import Person
from opportunities.views.actor import actor_of
from opportunities.views.doors import open_to_all


@open_to_all
@require_safe
def sign_in(request: HttpRequest) -> HttpResponse:
    where = safe_next(request, request.GET.get("next", ""))
    if request.user.is_authenticated and may(request.user, Action.ENTER):
        return redirect(where)
    if settings.DEMO:
        return redirect(f"{reverse('opportunities:demo_sign_in')}?{urlencode({'next': where})}")
    return render(request, "opportunities/sign_in.html", {"next": where})


@open_to_all
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session on the server, not only in the browser. Somebody already signed out is simply told so."""
    end_session(request)
    return see_other(reverse("opportunities:signed_out"))


@open_to_all
@require_safe
def signed_out(request: HttpRequest) -> HttpResponse:
    return render(request, "opportunities/signed_out.html")


def let_in(request: HttpRequest, identity: Identity) -> Person:
    """Sign the person of `identity` in: a fresh session, its limits set, and the event, together or not at all."""
    end_session(request, reason_code="someone_else")

    def open_session(person: Person) -> Actor:
        # Nothing of the old session is kept, not even its number: a number planted before sign-in is worth nothing.
        request.session.flush()
        login(request, person)
        now = datetime.now(UTC)
        request.session["began"] = request.session["seen"] = int(now.timestamp())
        request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        return actor_of(request)

    return people.sign_in(identity=identity, open_session=open_session, clock=SystemClock())


def end_session(request: HttpRequest, *, reason_code: str = "") -> None:
    if request.user.is_authenticated:
        person, by = request.user, actor_of(request)
        people.sign_out(person=person, by=by, clock=SystemClock(), reason_code=reason_code)
    logout(request)


def safe_next(request: HttpRequest, url: str) -> str:
    """`url` if it leads to one of our own pages, else the home page: nobody is sent elsewhere from here."""
    hosts, https = {request.get_host()}, request.is_secure()
    # The same browsers that fold "\\" into "/" drop tabs and line ends: none of them belongs in an address of ours.
    clean = url.isprintable() and "\\" not in url
    return (
        url if clean and url_has_allowed_host_and_scheme(url, hosts, require_https=https) else reverse("home")
    )


def see_other(url: str) -> HttpResponse:
    """303: whatever was posted, read this next."""
    return HttpResponse(status=303, headers={"Location": url})
