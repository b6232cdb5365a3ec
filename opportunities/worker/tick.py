"""One round of everything due: all that production and simulation run.

Rounds may overlap, in one process or on many machines: submissions are claimed, sync and checks are leased.
What a round leaves because its process died, the next one finds.
"""

import logging
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from opportunities import mirror
from opportunities.clock import Clock
from opportunities.delivery import (
    claiming,
    connection,
    duplicates,
    holds,
    restore_guard,
    sending,
    settling,
    unknown_outcome,
)
from opportunities.mirror import sync_event
from opportunities.models import OPEN, Instance, State, Submission
from opportunities.runtime import heartbeats, leases
from opportunities.runtime.budget import Share
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant.client import SlantClient
from opportunities.trail import checkpoints
from opportunities.trail.audit import Actor
from opportunities.trail.verify import nightly

logger = logging.getLogger(__name__)

# What is done once an hour or a night, by whoever finds its lease run out.
HOURLY = (duplicates.LEASE, sync_event.LEASE, nightly.LEASE)


def tick(
    clock: Clock, *, worker: str, slant: SlantClient | None = None, stopping: Stopping = never_stopping
) -> float | None:
    """Do what is due now. Returns the seconds until something of ours is due next, or None when nothing is
    open.

    `worker` names the process; each round adds its own suffix, so that two rounds of one process never share
    a lease. When `stopping` says so, it ends after the exchange under way, and leaves the rest to the next
    round.
    """
    me = Actor.worker(f"{worker}:{uuid4().hex[:6]}")
    _watch_the_clock(worker, clock)
    hourly = leases.available(HOURLY, clock=clock)
    try:
        _do_what_is_due(me, slant, hourly, clock, stopping)
    except Exception:
        # A broken trail takes no event, and then nothing due can be done: it is found and told all the same.
        _watch_the_trail(me, hourly, clock)
        raise
    if not stopping():
        _watch_the_trail(me, hourly, clock)
    return _next_due_in(clock.now())


def _do_what_is_due(
    me: Actor, slant: SlantClient | None, hourly: set[str], clock: Clock, stopping: Stopping
) -> None:
    instance = Instance.current()
    slant = slant or connection.connect(clock, instance=instance)
    due = _due(clock.now())
    if State.SENDING in due:
        claiming.expire_leases(worker=me, clock=clock)
    may_send = restore_guard.check_database(worker=me, clock=clock, instance=instance)
    reads, held = connection.metered(slant, Share.SYNC, clock), holds.codes()
    # Before anything is sent or read: whose token this is, and what it may.
    if connection.check_connection(reads, worker=me, clock=clock, instance=instance, held=held):
        slant, held = slant.using(can_write=Instance.current().can_write), holds.codes()
    if may_send and State.QUEUED in due:
        sending.deliver_due(slant, worker=me, clock=clock, stopping=stopping)
    if held.isdisjoint(restore_guard.WRONG_SLANT):
        checks = connection.metered(slant, Share.CHECKS, clock)
        if due & {State.UNKNOWN, State.REVIEW}:
            settling.settle_due(checks, worker=me, clock=clock, stopping=stopping)
        if stopping():
            return
        if duplicates.LEASE in hourly:
            duplicates.sweep_due(checks, worker=me, clock=clock)
        mirror.sync_if_due(reads, worker=me, clock=clock)
    if sync_event.LEASE in hourly:
        sync_event.record_if_due(worker=me, clock=clock)


def _watch_the_trail(me: Actor, hourly: set[str], clock: Clock) -> None:
    checkpoints.write_if_due(clock=clock)
    if nightly.LEASE in hourly or nightly.is_under_way(me):
        nightly.verify_due(worker=me, clock=clock)


def _due(now: datetime) -> set[str]:
    """The states in which something is due, or left behind by a worker. Asked once: most rounds find nothing."""
    late = Submission.objects.filter(Q(due_at__lte=now) | Q(lease_until__lte=now), state__in=OPEN)
    return set(late.order_by().values_list("state", flat=True).distinct())


def _watch_the_clock(worker: str, clock: Clock) -> None:
    """What a jump asks for, in the transaction in which it is noticed: noticed once, it is not noticed again."""
    with transaction.atomic():
        seen = heartbeats.beat(worker, clock=clock)
        if seen is heartbeats.ClockWatch.JUMPED:
            logger.warning("the clock jumped; every quiet period begins again")
            unknown_outcome.handle_clock_jump(clock)
        elif seen is heartbeats.ClockWatch.UNWATCHED:
            unknown_outcome.restart_quiet_periods(clock)


def _next_due_in(now: datetime) -> float | None:
    due = Submission.objects.filter(state__in=OPEN).exclude(due_at=None).order_by("due_at")
    first = due.values_list("due_at", flat=True).first()
    return max(0.0, (first - now).total_seconds()) if first else None
