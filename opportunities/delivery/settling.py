"""Settling: deciding what became of submissions whose outcome is unknown, and of those in review.

Each submission that is due is leased, looked for in Slant (`scanning`), decided (`deciding`) and changed, in
one commit. docs/exactly-once.md states the rules.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from opportunities import mirror
from opportunities.clock import Clock
from opportunities.delivery import deciding, due, states, unknown_outcome
from opportunities.delivery.answers import RECORD_GONE
from opportunities.delivery.deciding import REVIEW_LOOK_SECONDS, Decision, later
from opportunities.delivery.evidence import Evidence, trail_evidence
from opportunities.delivery.scanning import CannotList, Scanner
from opportunities.delivery.states import LostRace, Reason
from opportunities.delivery.unit_alarm import sound_unit_alarm
from opportunities.models import State, Submission
from opportunities.runtime.budget import BudgetSpent, SlantAway
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.trail.audit import Actor, Remote

LEASE_SECONDS = 120


class Interrupted(Exception):
    """The process was asked to end while it read a list. Another process reads the list again once the lease
    expires.
    """


def settle_due(
    slant: SlantClient, *, worker: Actor, clock: Clock, stopping: Stopping = never_stopping
) -> int:
    """Look once for every unknown or reviewed submission that is due. Returns how many looks were made.

    `slant` must take its calls from the checks' share of the budget. Within a round a second look would show
    nothing new, because the scanner reads each list once.
    """

    def after_page(submission: Submission) -> None:
        if stopping():
            raise Interrupted
        _renew_lease(submission, clock)

    scanner = Scanner(slant, clock, after_page)
    looks = 0
    # Most rounds find no submission, so this query locks no row.
    for pk in list(_due_for_look(clock.now()).order_by("due_at", "created_at").values_list("pk", flat=True)):
        if stopping():
            break
        if submission := _lease_for_look(pk, worker=worker, clock=clock):
            _settle(submission, slant, scanner, worker=worker, clock=clock)
            looks += 1
    return looks


def _due_for_look(now: datetime) -> QuerySet[Submission]:
    looked_for = Submission.objects.filter(state__in=[State.UNKNOWN, State.REVIEW])
    return looked_for.filter(due.due_now(now), due.look_lease_over(now))


def _lease_for_look(pk: UUID, *, worker: Actor, clock: Clock) -> Submission | None:
    """Lease a submission for one look, if it is still due. If the worker dies, the look is only delayed."""
    now = clock.now()
    with transaction.atomic():
        submission = _due_for_look(now).select_for_update().filter(pk=pk).first()
        if submission is None or unknown_outcome.restart_if_ahead(submission, now):
            return None
        # The fence is raised under the lock. A later read could return the fence of a worker that took the
        # lease over.
        submission.fence += 1
        submission.lease_owner = worker.display[:100]
        submission.lease_until = now + timedelta(seconds=LEASE_SECONDS)
        Submission.objects.filter(pk=pk).update(
            fence=submission.fence, lease_owner=submission.lease_owner, lease_until=submission.lease_until
        )
    return submission


def _renew_lease(submission: Submission, clock: Clock) -> None:
    """Extend the lease while a long list is read. Raises `LostRace` when another worker took it over."""
    now = clock.now()
    if submission.lease_until and submission.lease_until - now > timedelta(seconds=LEASE_SECONDS / 2):
        return
    submission.lease_until = now + timedelta(seconds=LEASE_SECONDS)
    leased = Submission.objects.filter(pk=submission.pk, state=submission.state, fence=submission.fence)
    if not leased.update(lease_until=submission.lease_until):
        raise LostRace(str(submission.pk))


def _settle(
    submission: Submission, slant: SlantClient, scanner: Scanner, *, worker: Actor, clock: Clock
) -> None:
    try:
        if submission.makes_record:
            decision = deciding.decide_create(submission, scanner, clock)
        else:
            began = clock.now()
            record = slant.opportunity(submission.opportunity_id)
            decision = deciding.decide_change(submission, record, began, clock)
    except (LostRace, Interrupted):
        return
    except CannotList:
        decision = Decision(State.REVIEW, Reason("cannot_list"))
    except SlantAway:
        decision = deciding.decide_while_away(submission, clock)
    except BudgetSpent as spent:
        decision = deciding.decide_without_budget(submission, spent.until, clock)
    except errors.SlantNotFound:
        decision = Decision(State.REVIEW, Reason(RECORD_GONE))
    except errors.SlantError as error:
        decision = deciding.decide_after_error(submission, error, clock)
    _apply(submission, deciding.limit(submission, decision, clock), worker=worker, clock=clock)


def _apply(submission: Submission, decision: Decision, *, worker: Actor, clock: Clock) -> None:
    """Write the decision in one commit, if the lease is still ours."""
    fields = {
        "lease_owner": "",
        "lease_until": None,
        "looks": submission.looks + 1,
        "check_state": _evidence_after(submission, decision, clock),
    }
    try:
        with transaction.atomic():
            if decision.state is None or decision.state == submission.state:
                leased = Submission.objects.filter(
                    pk=submission.pk, state=submission.state, fence=submission.fence
                )
                leased.update(**fields, due_at=decision.due_at or later(clock, REVIEW_LOOK_SECONDS))
            else:
                _change_state(submission, decision.state, decision, fields, worker=worker, clock=clock)
            if decision.reason.code == RECORD_GONE and not submission.makes_record:
                mirror.mark_gone([submission.opportunity_id], now=clock.now())
    except LostRace:
        return
    except IntegrityError:
        _look_again_soon(submission.pk, clock)


def _change_state(
    submission: Submission,
    to: State,
    decision: Decision,
    fields: dict[str, Any],
    *,
    worker: Actor,
    clock: Clock,
) -> None:
    if to == State.REVIEW:
        fields["due_at"] = later(clock, REVIEW_LOOK_SECONDS)
    if to == State.QUEUED:
        fields |= {"due_at": decision.due_at, "absent_at": decision.absent_at}
    if decision.record is not None:
        fields["opportunity_id"] = decision.record.id
    states.transition(
        submission,
        to,
        by=worker,
        clock=clock,
        reason=decision.reason,
        remote=Remote.showing(decision.record) if decision.record else Remote(),
        evidence=trail_evidence(fields["check_state"], decision.rule or decision.reason.code),
        **fields,
    )
    if decision.record is not None:
        mirror.apply(decision.record, clock=clock, by=submission.by_display)
    if decision.alarm is not None:
        sound_unit_alarm(submission, decision.alarm, worker=worker, clock=clock)


def _evidence_after(submission: Submission, decision: Decision, clock: Clock) -> Evidence:
    """The evidence, with the moment from which Slant has answered our looks without a break."""
    evidence = dict(decision.evidence if decision.evidence is not None else submission.check_state)
    if decision.was_answered:
        evidence.setdefault("answered_since", clock.now().isoformat())
    return evidence


def _look_again_soon(pk: UUID, clock: Clock) -> None:
    """Another submission adopted the record in the same moment. The next look will exclude that record."""
    Submission.objects.filter(pk=pk, state__in=[State.UNKNOWN, State.REVIEW]).update(
        lease_owner="", lease_until=None, due_at=later(clock, 1)
    )
