"""Taking a submission to send it: who may, when, under which key.

The claim (state, lease, fence, attempt row, audit event, the calls it costs) is one commit, made before the
first byte leaves.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from opportunities.clock import Clock
from opportunities.delivery import holds, states
from opportunities.delivery.kinds import kind_of, sent_fields
from opportunities.delivery.states import Reason
from opportunities.delivery.unknown_outcome import LEASE_MARGIN_SECONDS, restart_looks, to_unknown
from opportunities.models import OPEN, Attempt, Instance, Outcome, State, Submission
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Share
from opportunities.trail.audit import Actor

KEY_LIFETIME = timedelta(minutes=75)
PROOF_LIFETIME = timedelta(minutes=10)
ASK_OWNER_AFTER = timedelta(hours=24)
DEFINITE_NO = {Outcome.BUSY, Outcome.REFUSED_US}
AMBIGUOUS = {Outcome.NO_ANSWER, Outcome.ABANDONED, Outcome.OK}


@dataclass(frozen=True)
class Claim:
    """The right to make one exchange: the submission as claimed, and its open attempt.

    `begin_by` is the monotonic instant after which it must not begin: it could outlast the lease.
    """

    submission: Submission
    attempt: Attempt
    begin_by: float


def claim(*, worker: Actor, clock: Clock) -> Claim | None:
    """Take the oldest due submission: state, lease, fence, attempt, event and budget in one commit.

    None when nothing is due, sending is held, or the hour's calls are spent.
    """
    while _is_anything_due(clock.now()):
        with transaction.atomic():
            if holds.sending_is_held():
                return None
            submission = _next_due(clock.now())
            if submission is None:
                return None
            if not _check_before_claim(submission, worker=worker, clock=clock):
                continue
            try:
                budget.take(Share.PEOPLE, calls=kind_of(submission).calls, clock=clock)
            except BudgetSpent as spent:
                _wait_for_budget(submission, spent.until)
                return None
            return _commit_claim(submission, worker=worker, clock=clock)
    return None


def _is_anything_due(now: datetime) -> bool:
    """Asked first and outside a transaction: most rounds find nothing, and shall not lock anything to find
    that.
    """
    return Submission.objects.filter(state=State.QUEUED, due_at__lte=now).exists()


def _next_due(now: datetime) -> Submission | None:
    """The oldest due submission whose deal has no earlier one still open. Locked; others skip it."""
    earlier = Submission.objects.filter(
        opportunity_id=OuterRef("opportunity_id"), created_at__lt=OuterRef("created_at"), state__in=OPEN
    ).exclude(opportunity_id="")
    due = Submission.objects.filter(~Exists(earlier), state=State.QUEUED, due_at__lte=now)
    skip = connection.features.has_select_for_update_skip_locked
    return due.select_for_update(skip_locked=skip).order_by("due_at", "created_at").first()


def _check_before_claim(submission: Submission, *, worker: Actor, clock: Clock) -> bool:
    """False when it was just doubted, settled or put aside instead: a stale proof, a passed date, a day's
    wait.

    In this order: what is refused for its date must not be in Slant, and only a fresh proof says that it is
    not.
    """
    now = clock.now()
    if submission.ambiguous_at and not _is_proof_fresh(submission, now):
        fields = restart_looks(now, submission) | {"unknown_since": submission.unknown_since or now}
        states.transition(
            submission, State.UNKNOWN, by=worker, clock=clock, reason=Reason("stale_proof"), **fields
        )
        return False
    if is_close_day_past(submission, now):
        states.transition(submission, State.REJECTED, by=worker, clock=clock, reason=Reason("date_passed"))
        return False
    if now - (submission.still_wanted_at or submission.created_at) > ASK_OWNER_AFTER:
        Submission.objects.filter(pk=submission.pk).update(due_at=None, reason_code="still_send", told=False)
        return False
    return True


def _is_proof_fresh(submission: Submission, now: datetime) -> bool:
    """Whether absence was proven in the last ten minutes (reliability 2.2 (4))."""
    return submission.absent_at is not None and now - submission.absent_at <= PROOF_LIFETIME


def key_for_next_send(submission: Submission, now: datetime) -> dict[str, Any]:
    """A fresh key and generation, or nothing when the present key stays (reliability 2.2 (6)).

    It is replaced when every send under it got a definite no (its answer might be replayed), or when 75
    minutes have passed since its last ambiguous send; whoever comes here after an ambiguous send has a fresh
    proof of absence. A send that never left (unreachable) says nothing either way.
    """
    sends = submission.attempts.filter(idempotency_key=submission.idempotency_key)
    outcomes = set(sends.values_list("outcome", flat=True))
    if outcomes & AMBIGUOUS:
        alive_until = _ambiguous_until(submission) + KEY_LIFETIME
        replace = now >= alive_until
    else:
        replace = bool(outcomes & DEFINITE_NO)
    return {"idempotency_key": uuid4(), "generation": submission.generation + 1} if replace else {}


def _ambiguous_until(submission: Submission) -> datetime:
    """When the last ambiguous send ended; later when the clock was seen to jump since (design: processes)."""
    ended = submission.ambiguous_at or submission.created_at
    jumped = Instance.current().clock_jumped_at
    return max(ended, jumped) if jumped else ended


def is_close_day_past(submission: Submission, now: datetime) -> bool:
    """Whether a create's close date is no longer in the future (Slant API 7.5: it must be, by the UTC day)."""
    day = sent_fields(submission).get("target_close_date") or ""
    return day != "" and submission.makes_record and day <= now.date().isoformat()


def _wait_for_budget(submission: Submission, until: datetime) -> None:
    Submission.objects.filter(pk=submission.pk, state=State.QUEUED).update(
        due_at=until, reason_code=submission.reason_code or "budget"
    )


def _commit_claim(submission: Submission, *, worker: Actor, clock: Clock) -> Claim:
    now, begin_by = clock.now(), clock.monotonic() + LEASE_MARGIN_SECONDS
    for name, value in key_for_next_send(submission, now).items():
        setattr(submission, name, value)
    lease_until = now + timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + LEASE_MARGIN_SECONDS)
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
    return Claim(submission, attempt, begin_by)


def expire_leases(*, worker: Actor, clock: Clock) -> int:
    """Submissions whose worker died or froze past its lease become `unknown`, never `queued`: it may have
    sent them.
    """
    expired = Submission.objects.filter(state=State.SENDING, lease_until__lte=clock.now())
    return sum(_expire_lease(pk, worker=worker, clock=clock) for pk in expired.values_list("pk", flat=True))


def _expire_lease(pk: UUID, *, worker: Actor, clock: Clock) -> bool:
    with transaction.atomic():
        now = clock.now()
        held = Submission.objects.select_for_update().filter(pk=pk, state=State.SENDING, lease_until__lte=now)
        submission = held.first()
        if submission is None:
            return False
        Attempt.objects.filter(submission=submission, finished_at=None).update(
            finished_at=now, outcome=Outcome.ABANDONED, message="The worker stopped before it could say."
        )
        then = to_unknown(submission, Reason("lease_expired"), clock, ended=submission.lease_until)
        states.transition(
            submission,
            then.state,
            by=worker,
            clock=clock,
            reason=then.reason,
            **then.fields | {"fence": submission.fence + 1, "lease_owner": "", "lease_until": None},
        )
    return True
