"""What managers decide: the review queue, and the button that stops all sending."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from opportunities.access import Action
from opportunities.actions import reviewing
from opportunities.clock import SystemClock
from opportunities.delivery import holds
from opportunities.forms import DecisionForm, SendingForm
from opportunities.forms.problems import problems_of
from opportunities.models import Person, Submission
from opportunities.runtime import alerts, wakeup
from opportunities.selectors.review import queue
from opportunities.selectors.sending import LIFTED_BY_HAND, sending_status
from opportunities.selectors.submissions.reach import reachable
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.views.rights import require
from opportunities.views.submissions import context_of
from opportunities.wording import review as review_words
from opportunities.wording import sending as sending_words
from opportunities.wording import submissions as submissions_words

CLOCK = SystemClock()


@require_safe
def submissions_review(request: PageRequest) -> HttpResponse:
    require(request.person, Action.REVIEW)
    template = "partials/review_queue.html" if request.htmx else "review.html"
    return render(request, f"opportunities/{template}", {"queue": queue(request.person)})


@require_POST
def decide(request: PageRequest, id: UUID) -> HttpResponse:
    """Link, send again or close, with a reason. An incomplete decision answers the same page with 422."""
    person = request.person
    require(person, Action.REVIEW)
    row = reachable(person, id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _draw_invalid(request, person, row, form)
    try:
        message = _decide(request, person, row, form.cleaned_data)
    except reviewing.NotACandidate:
        form.add_error("opportunity_id", review_words.NOT_A_CANDIDATE)
        return _draw_invalid(request, person, row, form)
    except reviewing.MoreFound:
        form.add_error("opportunity_id", review_words.MORE_FOUND)
        return _draw_invalid(request, person, reachable(person, id), form)
    except reviewing.NotInReview:
        row = reachable(person, id)
        message = review_words.DECIDED_ALREADY.format(
            words=submissions_words.short_state(row.kind, row.state)[0].lower()
        )
    messages.info(request, message)
    return see_other(reverse("opportunities:submission", args=[row.pk]))


def _decide(request: PageRequest, person: Person, row: Submission, chosen: dict[str, Any]) -> str:
    """Carry out what the manager decided; the message about it."""
    endings = submissions_words.endings(row.kind)
    by, reason = actor_of(request), chosen["reason"]
    match chosen["decision"]:
        case "link":
            record = chosen["opportunity_id"]
            reviewing.link(
                submission=row, opportunity_id=record, reason=reason, person=person, by=by, clock=CLOCK
            )
            return endings.linked.format(name=row.name, record=record)
        case "resend":
            seen_ids = {*chosen["seen"], chosen["opportunity_id"]}
            reviewing.send_again(
                submission=row, seen_ids=seen_ids, reason=reason, person=person, by=by, clock=CLOCK
            )
            return endings.sent_again.format(name=row.name)
        case _:
            reviewing.close(submission=row, reason=reason, person=person, by=by, clock=CLOCK)
            return endings.closed.format(name=row.name)


def _draw_invalid(request: PageRequest, person: Person, row: Submission, form: DecisionForm) -> HttpResponse:
    context = context_of(row, person) | {"decision": form, "problems": problems_of(form)}
    return render(request, "opportunities/submission.html", context, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def sending(request: PageRequest) -> HttpResponse:
    """Why nothing is sent, if nothing is. A POST stops or resumes sending."""
    require(request.person, Action.OVERSEE)
    form = SendingForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        messages.info(request, _switch_sending(request, form.cleaned_data))
        return see_other(reverse("opportunities:sending"))
    status = sending_status(CLOCK)
    context = {
        "form": form,
        "problems": form.problems(),
        "status": status,
        "holds": status.holds,
        "stopped": status.is_stopped,
        "waiting": status.waiting,
    }
    template = "partials/sending.html" if request.htmx else "sending.html"
    return render(request, f"opportunities/{template}", context, status=422 if form.errors else 200)


def _switch_sending(request: PageRequest, chosen: dict[str, str]) -> str:
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
