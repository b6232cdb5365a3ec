"""Which open submissions are due, and whose lease is over, whatever the clock was set to meanwhile.

A time further ahead than one that is stored now was stored before the clock was set back (`clock.is_due`).
"""

from datetime import datetime, timedelta

from django.db.models import Q

from opportunities.clock import due_condition
from opportunities.delivery.unknown_outcome import send_lease
from opportunities.models import OPEN, Submission
from opportunities.runtime import budget

# A pause that Slant asks for is the longest wait there is.
DUE_WITHIN = timedelta(seconds=budget.BACKOFF_CAP_SECONDS)
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
    """Seconds until the next open submission is due; None when none is open."""
    waiting = Submission.objects.filter(state__in=OPEN).exclude(due_at=None)
    first = waiting.order_by("due_at").values_list("due_at", flat=True).first()
    if first is None:
        return None
    if waiting.filter(due_now(now)).exists():
        return 0.0
    return float((first - now).total_seconds())
