"""What managers decide: the review queue, and the button that stops all sending."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from opportunities.access import Action, may
from opportunities.actions import reviewing
from opportunities.clock import SystemClock
from opportunities.delivery import holds
from opportunities.forms import DecisionForm, SendingForm
from opportunities.models import Hold, Person, Submission
from opportunities.runtime import alerts, wakeup
from opportunities.selectors.review import queue
from opportunities.selectors.submissions.reach import reachable
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.submissions import context_of
from opportunities.wording import review as review_words
from opportunities.wording import sending as sending_words
from opportunities.wording import submissions as submissions_words

CLOCK = SystemClock()
LIFTED_BY_HAND = (holds.STOPPED, holds.UNIT_ALARM)


@require_safe
def submissions_review(request: PageRequest) -> HttpResponse:
    person = _manager(request, Action.REVIEW)
    return render(request, "opportunities/review.html", {"queue": queue(person)})


@require_POST
def decide(request: PageRequest, id: UUID) -> HttpResponse:
    """Link, send again or close, with a reason; an incomplete answer comes back with the same page and 422."""
    person = _manager(request, Action.REVIEW)
    row = reachable(person, id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, person, row, form)
    try:
        said = _decided(request, person, row, form.cleaned_data)
    except reviewing.NotACandidate:
        form.add_error("opportunity_id", review_words.NOT_A_CANDIDATE)
        return _page(request, person, row, form)
    except reviewing.MoreFound:
        form.add_error("opportunity_id", review_words.MORE_FOUND)
        row.refresh_from_db()
        return _page(request, person, row, form)
    except reviewing.NotInReview:
        row.refresh_from_db()
        said = review_words.DECIDED_ALREADY.format(
            words=submissions_words.short_state(row.kind, row.state)[0].lower()
        )
    messages.info(request, said)
    return see_other(reverse("opportunities:submission", args=[row.pk]))


def _decided(request: PageRequest, person: Person, row: Submission, chosen: dict[str, Any]) -> str:
    said = submissions_words.endings(row.kind)
    who = {"person": person, "by": actor_of(request), "clock": CLOCK, "reason": chosen["reason"]}
    match chosen["decision"]:
        case "link":
            reviewing.link(submission=row, opportunity_id=chosen["opportunity_id"], **who)
            return said.linked.format(name=row.name, record=chosen["opportunity_id"])
        case "resend":
            seen = {*chosen["seen"], chosen["opportunity_id"]}
            reviewing.send_again(submission=row, seen=seen, **who)
            return said.sent_again.format(name=row.name)
        case _:
            reviewing.close(submission=row, **who)
            return said.closed.format(name=row.name)


def _page(request: PageRequest, person: Person, row: Submission, form: DecisionForm) -> HttpResponse:
    context = context_of(row, person) | {"decision": form}
    return render(request, "opportunities/submission.html", context, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def sending(request: PageRequest) -> HttpResponse:
    """Why nothing is sent, if nothing is; stop and go on."""
    _manager(request, Action.OVERSEE)
    form = SendingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.info(request, _switched(request, form.cleaned_data))
        return see_other(reverse("opportunities:sending"))
    standing = [
        {
            "row": hold,
            "title": sending_words.HOLDS.get(hold.code, hold.code),
            "by_hand": hold.code in LIFTED_BY_HAND,
        }
        for hold in Hold.objects.all()
    ]
    stopped = any(hold["row"].code == holds.STOPPED for hold in standing)  # type: ignore[attr-defined]
    waiting = Submission.objects.filter(state="queued").count()
    context = {"form": form, "holds": standing, "stopped": stopped, "waiting": waiting}
    return render(request, "opportunities/sending.html", context, status=422 if form.errors else 200)


def _switched(request: PageRequest, chosen: dict[str, str]) -> str:
    by = actor_of(request)
    do, _, code = chosen["do"].partition(":")
    if do == "hold":
        holds.hold(holds.STOPPED, reason=chosen["reason"], by=by, clock=CLOCK)
        return sending_words.STOPPED
    if code not in LIFTED_BY_HAND:
        return sending_words.HOLD_NOT_YOURS.format(reason=sending_words.HOLDS.get(code, code))
    holds.release(code, by=by, clock=CLOCK, reason=chosen["reason"])
    alerts.close_alert(code, clock=CLOCK)
    wakeup.wake()
    return sending_words.RELEASED


def _manager(request: PageRequest, action: Action) -> Person:
    person = request.person
    if not may(person, action):
        raise PermissionDenied
    return person
