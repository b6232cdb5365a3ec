"""Signing in and out. The demo or the provider says who somebody is, and `start_session` signs them in."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from opportunities.access import Action, may
from opportunities.actions import drafts, open_sessions, people
from opportunities.actions.people import Identity
from opportunities.clock import SystemClock
from opportunities.forms.parameters import NextPageForm
from opportunities.models import Person
from opportunities.trail.audit import Actor
from opportunities.views import errors, limits
from opportunities.views.access_marks import open_to_all
from opportunities.views.actor import actor_of, session_row
from opportunities.views.answers import see_other
from opportunities.views.own_addresses import is_own_address
from opportunities.views.provider import ProviderUnreachable, SignInRefused, SignInResult, provider
from opportunities.views.requests import PageRequest
from opportunities.wording import sign_in as sign_in_words

log = logging.getLogger(__name__)

# In the anonymous session between sign-out and the next page.
SIGN_OUT_HINT = "sign_out_hint"
SIGN_OUT_SECONDS = 5 * 60


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: PageRequest) -> HttpResponse:
    """The sign-in page. Its button is a POST, so that no other site can start a sign-in in this browser."""
    next_url = safe_next(request, next_page(request))
    if request.user.is_authenticated and may(request.user, Action.ENTER):
        return see_other(next_url) if request.method == "POST" else redirect(next_url)
    if settings.DEMO:
        return redirect(f"{reverse('opportunities:demo_sign_in')}?{urlencode({'next': next_url})}")
    if request.method != "POST":
        return _sign_in_page(request, next_url)
    if wait := limits.spend(request, limits.SIGN_IN):
        return errors.too_often(request, wait)
    try:
        return provider().begin(request, next=next_url)
    except ProviderUnreachable as problem:
        log.warning("sign-in not begun", extra={"reason": problem.code})
        return _sign_in_page(request, next_url, unreachable=True)


@open_to_all
@require_safe
def sign_in_callback(request: PageRequest) -> HttpResponse:
    """The provider redirects people here. Only a complete and recent answer signs a person in."""
    if settings.DEMO:
        raise Http404
    try:
        result = provider().finish(request)
        if result.is_renewal:
            _renew_session(request, result)
        else:
            start_session(request, result.identity, {**result.session, "claims_at": int(time.time())})
    except SignInRefused as problem:
        if problem.code == "state_unknown":
            return _refuse_unasked(request, problem)
        return _refuse_sign_in(request, problem)
    return redirect(safe_next(request, result.next))


@open_to_all
@require_POST
def sign_out(request: PageRequest) -> HttpResponse:
    """End the session on the server, not only in the browser. A second time shows the same page."""
    hint = "" if settings.DEMO or not request.user.is_authenticated else provider().sign_out_hint(request)
    end_session(request)
    if hint:
        request.session[SIGN_OUT_HINT] = hint
        request.session.set_expiry(SIGN_OUT_SECONDS)
    return see_other(reverse("opportunities:signed_out"))


@open_to_all
@require_safe
def signed_out(request: PageRequest) -> HttpResponse:
    """Continues once to the provider's own sign-out; the provider redirects people back here.

    It uses a link and a refresh, because `form-action` would refuse a redirect after the POST.
    """
    hint = request.session.get(SIGN_OUT_HINT, "")
    sign_out_url = provider().sign_out_url(request, hint) if hint and not settings.DEMO else ""
    if hint and request.method == "GET":
        request.session.flush()
    return render(request, "opportunities/signed_out.html", {"sign_out_url": sign_out_url})


@require_http_methods(["GET", "HEAD", "POST"])
def session(request: PageRequest) -> HttpResponse:
    """The remaining time of the session is in a header, as in every answer. A POST counts as activity of the
    person.
    """
    return HttpResponse(status=204)


def _sign_in_page(request: PageRequest, next_url: str, *, unreachable: bool = False) -> HttpResponse:
    origins: list[str] = []
    try:
        origins = provider().origins()
    except ProviderUnreachable:
        unreachable = True
    context = {"next": next_url, "unreachable": unreachable}
    response = render(request, "opportunities/sign_in.html", context, status=503 if unreachable else 200)
    # The button's POST is redirected to the provider, which browsers count as the form's own target.
    # django-csp reads this attribute of a response, which Django's types do not know.
    response._csp_update = {"form-action": origins}  # type: ignore[attr-defined]  # read by django-csp
    return response


def _renew_session(request: PageRequest, result: SignInResult) -> None:
    """Renew the session after the provider confirmed its person again. Raises SignInRefused if it names
    another person.
    """
    person, identity = request.user, result.identity
    if not isinstance(person, Person) or (identity.iss, identity.sub) != (person.iss, person.sub):
        raise SignInRefused("somebody_else")
    people.update_roles(identity=identity, by=actor_of(request), clock=SystemClock())
    request.session.update({**result.session, "claims_at": int(time.time()), "ask_after": 0})
    sid = str(result.session.get("sid", ""))
    open_sessions.set_provider_sid(row=session_row(request), provider_sid=sid)


def _refuse_unasked(request: PageRequest, problem: SignInRefused) -> HttpResponse:
    """Refuse an answer that this browser did not request. Anybody can send one, so it goes to the log and not
    to the trail.

    It does not end a living session, because any site could then sign people out.
    """
    log.warning("sign-in refused", extra={"reason": problem.code})
    if wait := limits.spend(request, limits.CALLBACK):
        return errors.too_often(request, wait)
    if request.user.is_authenticated:
        return redirect(safe_next(request, problem.next))
    return _refused_page(request, problem)


def _refuse_sign_in(request: PageRequest, problem: SignInRefused) -> HttpResponse:
    """Refuse a sign-in: in the log, in the trail, and on a page without details that would help an attacker.

    When the provider refuses a renewal, the session ends.
    """
    log.warning("sign-in refused", extra={"reason": problem.code})
    people.record_refusal(by=actor_of(request), clock=SystemClock(), reason_code=problem.code)
    if request.user.is_authenticated:
        if isinstance(problem, ProviderUnreachable) or problem.code == "provider_error":
            return redirect(safe_next(request, problem.next))
        end_session(request, reason_code="revoked")
        return redirect("opportunities:sign_in")
    return _refused_page(request, problem)


def _refused_page(request: PageRequest, problem: SignInRefused) -> HttpResponse:
    title, text = sign_in_words.NOT_LET_IN.get(problem.code, sign_in_words.NOT_LET_IN[""])
    status = 503 if isinstance(problem, ProviderUnreachable) else 403
    context = {"title": title, "text": text}
    return render(request, "opportunities/sign_in_refused.html", context, status=status)


def start_session(request: PageRequest, identity: Identity, values: Mapping[str, object]) -> Person:
    """Sign a person in: a new session with its limits and `values`, and the event, together or not at all."""
    end_session(request, reason_code="someone_else")

    def open_session(person: Person) -> Actor:
        # Nothing of the old session is kept, not even its key, so an attacker gains nothing by planting a
        # key.
        request.session.flush()
        login(request, person)
        now = datetime.now(UTC)
        request.session["began"] = request.session["seen"] = int(now.timestamp())
        request.session.update(values)
        request.session.set_expiry(now + timedelta(seconds=settings.SESSION_COOKIE_AGE))
        by = actor_of(request)
        sid, row = str(values.get("sid", "")), session_row(request)
        open_sessions.remember(person=person, row=row, provider_sid=sid, by=by, now=now)
        return by

    return people.sign_in(identity=identity, open_session=open_session, clock=SystemClock())


def end_session(request: PageRequest, *, reason_code: str = "") -> None:
    if request.user.is_authenticated:
        person, by = request.user, actor_of(request)
        drafts.mark_session_ended(person=person, session=by.session_ref)
        people.sign_out(person=person, by=by, clock=SystemClock(), reason_code=reason_code)
        open_sessions.forget(session_row(request))
    logout(request)


def next_page(request: PageRequest) -> str:
    """The address to go to afterwards, from the form or the address. `safe_next` checks it."""
    return NextPageForm(request.POST).text("next") or NextPageForm(request.GET).text("next")


def safe_next(request: PageRequest, url: str) -> str:
    """`url` if it is one of our own pages, else the home page, so that nobody is redirected to another
    site.
    """
    return url if is_own_address(request, url) else reverse("home")
