"""One round of everything due: all that production and simulation run.

Rounds may overlap, in one process or on many machines: submissions are claimed, sync and checks are leased. What a
round leaves because its process died, the next one finds.
"""

import logging
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from opportunities.actions import (
    checkpoints,
    claiming,
    connection,
    delivery,
    doubt,
    guarding,
    mirror,
    reconciling,
    running,
    settling,
    upkeep,
)
from opportunities.actions.audit import Actor
from opportunities.actions.budget import Share
from opportunities.actions.verifying.nightly import verify_due
from opportunities.clock import Clock
from opportunities.models import OPEN, Submission
from opportunities.slant.client import SlantClient

logger = logging.getLogger("opportunities.tick")


def tick(clock: Clock, *, worker: str, slant: SlantClient | None = None) -> float | None:
    """Do what is due now. Returns the seconds until something of ours is due next, or None when nothing is open.

    `worker` names the process; each round adds its own suffix, so that two rounds of one process never share a lease.
    """
    me = Actor.worker(f"{worker}:{uuid4().hex[:6]}")
    _watch_the_clock(worker, clock)
    slant = slant or connection.connect(clock)
    claiming.expire_leases(worker=me, clock=clock)
    if guarding.check_database(worker=me, clock=clock):
        delivery.deliver_due(slant, worker=me, clock=clock)
    checks = connection.metered(slant, Share.CHECKS, clock)
    settling.settle_due(checks, worker=me, clock=clock)
    reconciling.sweep_due(checks, worker=me, clock=clock)
    reads = connection.metered(slant, Share.SYNC, clock)
    connection.check_connection(reads, worker=me, clock=clock)
    mirror.sync_if_due(reads, worker=me, clock=clock)
    upkeep.note_sync_due(worker=me, clock=clock)
    checkpoints.write_if_due(clock=clock)
    verify_due(worker=me, clock=clock)
    return _next_due_in(clock.now())


def _watch_the_clock(worker: str, clock: Clock) -> None:
    """What a jump asks for, in the transaction in which it is noticed: noticed once, it is not noticed again."""
    with transaction.atomic():
        seen = running.beat(worker, clock=clock)
        if seen is running.Watch.JUMPED:
            logger.warning("the clock jumped; every quiet period begins again")
            doubt.restart_waits(clock)
        elif seen is running.Watch.UNWATCHED:
            doubt.restart_quiet(clock)


def _next_due_in(now: datetime) -> float | None:
    due = Submission.objects.filter(state__in=OPEN).exclude(due_at=None).order_by("due_at")
    first = due.values_list("due_at", flat=True).first()
    return max(0.0, (first - now).total_seconds()) if first else None
