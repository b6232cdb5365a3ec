"""Which open submissions are due or have an expired lease, even when the clock was set meanwhile.

A time further ahead than any that is stored now was stored before the clock was set back (`clock.is_due`).
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from opportunities.clock import due_condition
from opportunities.delivery import holds
from opportunities.delivery.unknown_outcome import send_lease
from opportunities.models import OPEN, State, Submission
from opportunities.runtime import breaker

# The longest wait is a pause that Slant asks for.
DUE_WITHIN = breaker.ASKED_AT_MOST
LOOK_LEASE_AT_MOST = timedelta(seconds=120)


def due_now(now: datetime) -> Q:
    return due_condition("due_at", now, longest=DUE_WITHIN)


def send_lease_over(now: datetime) -> Q:
    return due_condition("lease_until", now, longest=send_lease())


def look_lease_over(now: datetime) -> Q:
    return Q(lease_until=None) | due_condition("lease_until", now, longest=LOOK_LEASE_AT_MOST)


def due_states(now: datetime) -> set[str]:
    """The states in which a submission is due or has an expired lease. Usually none."""
    late = Submission.objects.filter(due_now(now) | send_lease_over(now), state__in=OPEN)
    return set(late.order_by().values_list("state", flat=True).distinct())


def due_in_turn(now: datetime) -> QuerySet[Submission]:
    """The queued submissions that are due and whose deal has no earlier one still open, oldest first."""
    earlier = Submission.objects.filter(
        opportunity_id=OuterRef("opportunity_id"), created_at__lt=OuterRef("created_at"), state__in=OPEN
    ).exclude(opportunity_id="")
    return Submission.objects.filter(~Exists(earlier), due_now(now), state=State.QUEUED).order_by(
        "created_at"
    )


def next_due_in(now: datetime) -> float | None:
    """Seconds until the next open submission is due; None when none is open.

    While Slant is away, due submissions wait, so the next probe or the end of a lease counts instead.
    Submissions that are due but cannot be sent, because sending is held or an earlier one comes first, do not
    count either.
    """
    probe_at = breaker.state(now).probe_at
    states = OPEN if probe_at is None else [State.SENDING]
    waiting = Submission.objects.filter(state__in=states).exclude(due_at=None)
    first = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    if first is not None and waiting.filter(due_now(now)).exists():
        if probe_at is not None or not _is_stuck(now):
            return 0.0
        later = waiting.filter(due_at__gt=now).exclude(due_now(now))
        first = later.order_by("due_at").values_list("due_at", flat=True).first()
    next_at = min((moment for moment in (first, probe_at) if moment is not None), default=None)
    return max(0.0, float((next_at - now).total_seconds())) if next_at else None


def _is_stuck(now: datetime) -> bool:
    """Whether every submission due now is queued and cannot be sent: sending is held, or an earlier one comes
    first.
    """
    if due_states(now) != {State.QUEUED}:
        return False
    return holds.sending_is_held() or not due_in_turn(now).exists()
