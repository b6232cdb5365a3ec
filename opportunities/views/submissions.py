"""The states of submissions: a person's own list, one submission, and withdrawing one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from opportunities.access import Action, may
from opportunities.actions import refusals, reviewing, withdrawing
from opportunities.actions import submissions as actions
from opportunities.clock import SystemClock
from opportunities.forms import DecisionForm, SubmissionFilterForm
from opportunities.forms.parameters import NewsForm
from opportunities.models import Person, State, Submission
from opportunities.selectors.audit.page import trail_of
from opportunities.selectors.review import compare
from opportunities.selectors.submissions.listing import listing
from opportunities.selectors.submissions.page import submission_page
from opportunities.selectors.submissions.reach import reachable
from opportunities.views.actor import actor_of
from opportunities.views.answers import see_other
from opportunities.views.requests import PageRequest
from opportunities.wording import submissions as submissions_words

CLOCK = SystemClock()


@require_safe
def submissions(request: PageRequest) -> HttpResponse:
    """The page. For its script: the list anew, or 204 while it is as it was `seen`."""
    form = SubmissionFilterForm(request.GET)
    form.is_valid()
    submission_list = listing(request.person, chosen=form.chosen, before=form.before_id)
    context = {"listing": submission_list, "filters": form.links(), "read_at": timezone.now()}
    if not request.htmx:
        return render(request, "opportunities/submissions.html", context)
    if NewsForm(request.GET).text("seen") == submission_list.version:
        return HttpResponse(status=204)
    return render(request, "opportunities/partials/submissions_panel.html", context)


@require_safe
def submission(request: PageRequest, id: UUID) -> HttpResponse:
    """The page. For htmx: news since the version `seen`, or 204 when there is none."""
    person = request.person
    context = context_of(reachable(person, id), person)
    if not request.htmx:
        return render(request, "opportunities/submission.html", context)
    if NewsForm(request.GET).text("seen") == context["page"].version:
        return HttpResponse(status=204)
    return render(request, "opportunities/partials/submission.html", context)


def context_of(row: Submission, person: Person) -> dict[str, Any]:
    """What the page of one submission needs, whichever view draws it."""
    decides = row.state == State.REVIEW and may(person, Action.REVIEW)
    return {
        "page": submission_page(row, person, timezone.now()),
        "comparison": compare(row) if decides else None,
        "decision": DecisionForm() if decides else None,
        "trail": trail_of(person, "submission", str(row.pk)),
    }


@require_POST
def still_send(request: PageRequest, id: UUID) -> HttpResponse:
    """The owner's yes to "this was held for a day: still send it?"."""
    person = request.person
    row = reachable(person, id)
    try:
        reviewing.confirm_still_wanted(submission=row, person=person, by=actor_of(request), clock=CLOCK)
    except refusals.NotAllowed as error:
        raise PermissionDenied from error
    except reviewing.NotInReview:
        pass  # Its state changed meanwhile. Its page explains that better than a message.
    else:
        messages.success(request, submissions_words.STILL_SENT.format(name=row.name))
    return see_other(reverse("opportunities:submission", args=[row.pk]))


@require_POST
def withdraw(request: PageRequest, id: UUID) -> HttpResponse:
    person = request.person
    row = reachable(person, id)
    try:
        withdrawing.withdraw(submission=row, person=person, by=actor_of(request), clock=CLOCK)
    except refusals.NotAllowed as error:
        raise PermissionDenied from error
    except withdrawing.TooLate:
        messages.warning(request, submissions_words.TOO_LATE)
    else:
        messages.success(request, submissions_words.endings(row.kind).withdrawn.format(name=row.name))
    return see_other(reverse("opportunities:submission", args=[row.pk]))


@require_POST
def dismiss_news(request: PageRequest) -> HttpResponse:
    """The person has read the outcome of their held, unknown and reviewed submissions."""
    actions.mark_news_read(request.person)
    return see_other(reverse("opportunities:submissions"))
