"""Withdrawing: an owner withdraws a submission that has surely not reached Slant."""

from django.conf import settings
from django.db import transaction

from opportunities.actions.refusals import NotAllowed, SubmissionRefused
from opportunities.clock import Clock
from opportunities.delivery import states
from opportunities.models import Attempt, Outcome, Person, State, Submission
from opportunities.trail.audit import Actor

POLL_SECONDS = 0.05
NOT_EXECUTED = (Outcome.BUSY, Outcome.REFUSED_US, Outcome.UNREACHABLE)


class TooLate(SubmissionRefused):
    """It can no longer be withdrawn: it is being sent, or may have arrived."""


def withdraw(*, submission: Submission, person: Person, by: Actor, clock: Clock) -> Submission:
    """Withdraw a submission that has surely not reached Slant. Raises `TooLate` when a send may have
    succeeded.

    If a send is under way, its end is awaited for up to VIEW_WAIT_SECONDS: while Slant is down most sends
    have no effect.
    """
    deadline = clock.monotonic() + settings.VIEW_WAIT_SECONDS
    while True:
        try:
            return _withdraw_now(submission, person=person, by=by, clock=clock)
        except TooLate:
            submission.refresh_from_db()
            may_still_end = submission.state == State.SENDING or may_be_withdrawn(submission)
            if not may_still_end or clock.monotonic() >= deadline:
                raise
            clock.sleep(POLL_SECONDS)


def _withdraw_now(submission: Submission, *, person: Person, by: Actor, clock: Clock) -> Submission:
    if submission.person_id != person.pk:
        raise NotAllowed("only its owner withdraws a submission")
    try:
        with transaction.atomic():
            row = Submission.objects.select_for_update().get(pk=submission.pk)
            if row.state == State.WITHDRAWN:
                return row
            if not may_be_withdrawn(row):
                raise TooLate("it may have reached Slant")
            states.transition(
                row, State.WITHDRAWN, by=by, clock=clock, reason=states.Reason("withdrawn_by_owner")
            )
    except states.LostRace as error:
        raise TooLate("it is being sent") from error
    Submission.objects.filter(pk=row.pk).update(told=True)
    return row


def may_be_withdrawn(submission: Submission) -> bool:
    """Whether it is queued and no send of it can have been executed (design: the life of a submission)."""
    if submission.state != State.QUEUED:
        return False
    return not Attempt.objects.filter(submission=submission).exclude(outcome__in=NOT_EXECUTED).exists()
