"""Which open submissions are due, and whose lease is over, whatever the clock was set to meanwhile.

A time further ahead than one that is stored now was stored before the clock was set back (`clock.is_due`).
"""

from datetime import datetime, timedelta

from django.db.models import Q

from opportunities.clock import due_condition
from opportunities.delivery.unknown_outcome import send_lease
from opportunities.models import OPEN, State, Submission
from opportunities.runtime import breaker

# A pause that Slant asks for is the longest wait there is.
DUE_WITHIN = breaker.ASKED_AT_MOST
LOOK_LEASE_AT_MOST = timedelta(seconds=120)


def due_now(now: datetime) -> Q:
    return due_condition("due_at", now, longest=DUE_WITHIN)


def send_lease_over(now: datetime) -> Q:
    return due_condition("lease_until", now, longest=send_lease())


def look_lease_over(now: datetime) -> Q:
    return Q(lease_until=None) | due_condition("lease_until", now, longest=LOOK_LEASE_AT_MOST)


def due_states(now: datetime) -> set[str]:
    """The states in which a submission is due or has an expired lease. Mostly empty."""
    late = Submission.objects.filter(due_now(now) | send_lease_over(now), state__in=OPEN)
    return set(late.order_by().values_list("state", flat=True).distinct())


def next_due_in(now: datetime) -> float | None:
    """Seconds until the next open submission is due; None when none is open.

    While Slant is away, what is due waits: the next probe counts instead, or the end of a lease.
    """
    probe_at = breaker.state(now).probe_at
    states = OPEN if probe_at is None else [State.SENDING]
    waiting = Submission.objects.filter(state__in=states).exclude(due_at=None)
    first = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    if first is not None and waiting.filter(due_now(now)).exists():
        return 0.0
    next_at = min((moment for moment in (first, probe_at) if moment is not None), default=None)
    return max(0.0, float((next_at - now).total_seconds())) if next_at else None
