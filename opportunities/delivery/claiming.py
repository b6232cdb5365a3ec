"""Claiming: the right to send a submission once, by whom, when, and under which key.

The claim is state, lease, fence, attempt row, audit event and the calls it costs. It is one commit, made
before the first byte is sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction

from opportunities.clock import Clock, is_due
from opportunities.delivery import due, holds, states
from opportunities.delivery.kinds import kind_of, sent_fields
from opportunities.delivery.states import Reason
from opportunities.delivery.unknown_outcome import (
    LEASE_MARGIN_SECONDS,
    restart_looks,
    send_lease,
    to_unknown,
)
from opportunities.models import Attempt, Instance, Outcome, State, Submission
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Charge, Share, SlantAway
from opportunities.trail.audit import Actor

KEY_LIFETIME = timedelta(minutes=75)
PROOF_LIFETIME = timedelta(minutes=10)
ASK_OWNER_AFTER = timedelta(hours=24)
DEFINITE_NO = {Outcome.BUSY, Outcome.REFUSED_US}
AMBIGUOUS = {Outcome.NO_ANSWER, Outcome.ABANDONED, Outcome.OK}


@dataclass(frozen=True)
class Claim:
    """The right to make one exchange: the submission as claimed, and its open attempt.

    `begin_by` is the monotonic time, in seconds, after which the exchange must not begin, because it could
    outlast the lease. `charge` is the calls it costs; those that are not made are given back.
    """

    submission: Submission
    attempt: Attempt
    begin_by: float
    charge: Charge


def claim(*, worker: Actor, clock: Clock) -> Claim | None:
    """Claim the oldest due submission.

    None when nothing is due, sending is held, Slant is away, or the budget is spent. A submission that waits
    for Slant stays due, so that it is sent as soon as the breaker closes.
    """
    while _is_anything_due(clock.now()):
        with transaction.atomic():
            if holds.sending_is_held():
                return None
            submission = _next_due(clock.now())
            if submission is None:
                return None
            if _set_aside(submission, worker=worker, clock=clock):
                continue
            try:
                charge = budget.take(Share.PEOPLE, calls=kind_of(submission).calls, clock=clock)
            except SlantAway:
                return None
            except BudgetSpent as spent:
                _wait_for_budget(submission, spent.until)
                return None
            if charge.at_once is not None and _under_way(clock.now()) >= charge.at_once:
                budget.refund(charge, calls=charge.calls)
                return None
            return _commit_claim(submission, charge, worker=worker, clock=clock)
    return None


def _is_anything_due(now: datetime) -> bool:
    """Whether any submission is due. Queried first and outside a transaction, because most rounds find none
    and need no lock.
    """
    return Submission.objects.filter(due.due_now(now), state=State.QUEUED).exists()


def _under_way(now: datetime) -> int:
    """How many submissions are being sent. The budget's row is locked, so no other claim adds one."""
    return Submission.objects.filter(state=State.SENDING, lease_until__gt=now).count()


def _next_due(now: datetime) -> Submission | None:
    """The oldest submission that is due and next for its deal. Its row is locked; other workers skip it."""
    skip = connection.features.has_select_for_update_skip_locked
    return due.due_in_turn(now).select_for_update(skip_locked=skip).first()


def ask_owners(*, worker: Actor, clock: Clock) -> None:
    """Ask the owner of every submission that has waited for a day, although none can be sent now.

    `claim` looks only at the oldest one, and looks at none while Slant is away.
    """
    day_ago = clock.now() - ASK_OWNER_AFTER
    old = due.due_in_turn(clock.now()).filter(created_at__lt=day_ago)
    for pk in list(old.exclude(still_wanted_at__gte=day_ago).values_list("pk", flat=True)):
        with transaction.atomic():
            submission = due.due_in_turn(clock.now()).select_for_update().filter(pk=pk).first()
            if submission is not None:
                _set_aside(submission, worker=worker, clock=clock)


def _set_aside(submission: Submission, *, worker: Actor, clock: Clock) -> bool:
    """Move a submission that must not be sent now out of the queue. False when it may be sent.

    With an outdated proof it becomes unknown, with a past close date rejected; after a day's wait its owner
    is asked. The proof is checked first: a rejected submission must not be in Slant, and only a fresh proof
    shows that.
    """
    now = clock.now()
    if submission.ambiguous_at and not _is_proof_fresh(submission, now):
        fields = restart_looks(now, submission) | {"unknown_since": submission.unknown_since or now}
        reason = Reason("stale_proof")
        states.transition(submission, State.UNKNOWN, by=worker, clock=clock, reason=reason, **fields)
        return True
    if is_close_day_past(submission, now):
        states.transition(submission, State.REJECTED, by=worker, clock=clock, reason=Reason("date_passed"))
        return True
    if now - (submission.still_wanted_at or submission.created_at) > ASK_OWNER_AFTER:
        Submission.objects.filter(pk=submission.pk).update(due_at=None, reason_code="still_send", told=False)
        return True
    return False


def _is_proof_fresh(submission: Submission, now: datetime) -> bool:
    """Whether absence was proven in the last ten minutes (reliability 2.2 (4))."""
    proven = submission.absent_at
    return proven is not None and not is_due(proven + PROOF_LIFETIME, now, longest=PROOF_LIFETIME)


def is_close_day_past(submission: Submission, now: datetime) -> bool:
    """Whether a create's close date is no longer in the future, by the UTC day (Slant API 7.5)."""
    day = sent_fields(submission).get("target_close_date") or ""
    return day != "" and submission.makes_record and day <= now.date().isoformat()


def _wait_for_budget(submission: Submission, until: datetime) -> None:
    Submission.objects.filter(pk=submission.pk, state=State.QUEUED).update(
        due_at=until, reason_code=submission.reason_code or "budget"
    )


def _commit_claim(submission: Submission, charge: Charge, *, worker: Actor, clock: Clock) -> Claim:
    now, begin_by = clock.now(), clock.monotonic() + LEASE_MARGIN_SECONDS
    for name, value in key_for_next_send(submission, now).items():
        setattr(submission, name, value)
    lease_until = now + send_lease()
    number, fence = submission.attempts_count + 1, submission.fence + 1
    attempt = Attempt.objects.create(
        submission=submission,
        number=number,
        idempotency_key=submission.idempotency_key,
        generation=submission.generation,
        method=submission.method,
        path=submission.path,
        body_sha256=submission.body_sha256,
        fence=fence,
        worker=worker.display,
        started_at=now,
        lease_until=lease_until,
    )
    states.transition(
        submission,
        State.SENDING,
        by=worker,
        clock=clock,
        idempotency_key=submission.idempotency_key,
        generation=submission.generation,
        fence=fence,
        attempts_count=number,
        lease_owner=worker.display[:100],
        lease_until=lease_until,
        due_at=lease_until,
        first_sent_at=submission.first_sent_at or now,
        last_sent_at=now,
    )
    return Claim(submission, attempt, begin_by, charge)


def key_for_next_send(submission: Submission, now: datetime) -> dict[str, Any]:
    """A new key and generation, or nothing when the present key stays (reliability 2.2 (6)).

    A key is replaced when every send under it was definitely refused, because Slant might replay that answer.
    It is also replaced 75 minutes after its last ambiguous send; the caller then has a fresh proof of
    absence. A send that did not reach Slant (unreachable) changes nothing.
    """
    sends = submission.attempts.filter(idempotency_key=submission.idempotency_key)
    outcomes = set(sends.values_list("outcome", flat=True))
    if outcomes & AMBIGUOUS:
        is_replaced = now >= _ambiguous_until(submission) + KEY_LIFETIME
    else:
        is_replaced = bool(outcomes & DEFINITE_NO)
    return {"idempotency_key": uuid4(), "generation": submission.generation + 1} if is_replaced else {}


def _ambiguous_until(submission: Submission) -> datetime:
    """When the last ambiguous send ended, or when the clock jumped after it (design: processes)."""
    ended = submission.ambiguous_at or submission.created_at
    jumped = Instance.current().clock_jumped_at
    return max(ended, jumped) if jumped else ended


def expire_leases(*, worker: Actor, clock: Clock) -> int:
    """Make submissions unknown whose worker died or was paused beyond its lease. Returns how many.

    They never return to the queue, because the worker may have sent them.
    """
    expired = Submission.objects.filter(due.send_lease_over(clock.now()), state=State.SENDING)
    return sum(_expire_lease(pk, worker=worker, clock=clock) for pk in expired.values_list("pk", flat=True))


def _expire_lease(pk: UUID, *, worker: Actor, clock: Clock) -> bool:
    with transaction.atomic():
        now = clock.now()
        expired = Submission.objects.filter(due.send_lease_over(now), pk=pk, state=State.SENDING)
        submission = expired.select_for_update().first()
        if submission is None:
            return False
        Attempt.objects.filter(submission=submission, finished_at=None).update(
            finished_at=now, outcome=Outcome.ABANDONED, message="The worker stopped before it could say."
        )
        following = to_unknown(submission, Reason("lease_expired"), clock, ended=submission.lease_until)
        states.transition(
            submission,
            following.state,
            by=worker,
            clock=clock,
            reason=following.reason,
            **following.fields | {"fence": submission.fence + 1, "lease_owner": "", "lease_until": None},
        )
    return True
