"""Listing and ending sessions: a person's own, and for managers those of a person who leaves."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from opportunities.access import Action
from opportunities.actions import open_sessions
from opportunities.clock import SystemClock
from opportunities.forms.sessions import EndSessionForm, LeaverForm
from opportunities.selectors.sessions import sessions_of
from opportunities.views.actor import actor_of, session_row
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.wording import people as people_words


@require_http_methods(["GET", "HEAD", "POST"])
def sessions(request: PageRequest) -> HttpResponse:
    """The person's own sessions. Signing out ends this browser's session."""
    if request.method == "POST":
        return _end_own(request)
    now = timezone.now()
    lines = sessions_of(request.person, this=session_row(request), now=now)
    context = {"sessions": lines, "others": sum(not line.is_this for line in lines)}
    return render(request, "opportunities/sessions.html", context)


@require_POST
def end_sessions(request: PageRequest) -> HttpResponse:
    """For managers: sign somebody out everywhere, as when they leave the firm."""
    require(request.person, Action.OVERSEE)
    form = LeaverForm(request.POST)
    if not form.is_valid():
        messages.error(request, people_words.PERSON_UNKNOWN)
        return see_other(reverse("opportunities:people"))
    leaver = form.cleaned_data["person"]
    clock = SystemClock()
    leaver_sessions = open_sessions.living(timezone.now()).filter(person=leaver)
    ended = open_sessions.end(
        leaver_sessions.exclude(session_key=session_row(request)),
        by=actor_of(request),
        reason_code="manager",
        clock=clock,
    )
    messages.success(request, people_words.sessions_ended(ended, name=leaver.display))
    return see_other(reverse("opportunities:people"))


def _end_own(request: PageRequest) -> HttpResponse:
    clock = SystemClock()
    form = EndSessionForm(request.POST)
    own = open_sessions.living(timezone.now()).filter(person=request.person)
    other_sessions = own.exclude(session_key=session_row(request))
    # A session that has ended, or is another person's, is not found. The page then shows the remaining ones.
    chosen = (
        other_sessions.filter(pk=form.cleaned_data["session"]) if form.is_valid() else other_sessions.none()
    )
    if form.is_valid() and form.cleaned_data["others"]:
        chosen = other_sessions
    ended = open_sessions.end(chosen, by=actor_of(request), reason_code="elsewhere", clock=clock)
    messages.success(request, people_words.sessions_ended(ended))
    return see_other(reverse("opportunities:sessions"))
