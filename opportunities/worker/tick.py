"""One round of everything that is due. Production and simulation run nothing else.

Rounds may overlap, in one process or on many machines: submissions are claimed, sync and checks are leased.
The next round takes up the work of a round whose process died.
"""

import logging
from uuid import uuid4

from django.db import transaction

from opportunities import mirror
from opportunities.clock import Clock, ClockJumped, SteadyClock
from opportunities.delivery import (
    claiming,
    connection,
    due,
    duplicates,
    holds,
    restore_guard,
    sending,
    settling,
    unknown_outcome,
)
from opportunities.mirror import sync_event
from opportunities.models import Instance, State
from opportunities.runtime import breaker, budget, event_counts, heartbeats, leases
from opportunities.runtime.budget import Share
from opportunities.runtime.stopping import Stopping, never_stopping
from opportunities.slant.client import SlantClient
from opportunities.trail import checkpoint_rounds, export_signing, witness
from opportunities.trail.audit import Actor
from opportunities.trail.verify import nightly
from opportunities.worker import cleaning

logger = logging.getLogger(__name__)

# Work done once an hour or once a night, by the worker that finds the lease expired.
HOURLY = (duplicates.LEASE, sync_event.LEASE, nightly.LEASE, cleaning.LEASE)


def tick(
    clock: Clock, *, worker: str, slant: SlantClient | None = None, stopping: Stopping = never_stopping
) -> float | None:
    """Do what is due now. Returns the seconds until a submission is due next, or None when none is open.

    While Slant is away, due submissions wait, and the next probe counts instead. `worker` names the process.
    Each round adds its own suffix, so that two rounds of one process never share a lease. When `stopping`
    returns true, the round ends after the present exchange.
    """
    try:
        due_in = _make_round(worker, slant, SteadyClock(clock), stopping)
    except ClockJumped:
        logger.warning("the clock jumped during a round; the next one begins with that")
        return 0.0
    except Exception as error:
        event_counts.add(event_counts.FAILED_ROUNDS)
        heartbeats.record_failure(worker, error, clock=clock)
        raise
    finally:
        event_counts.store()
    heartbeats.record_completion(worker, clock=clock)
    return due_in


def _make_round(worker: str, slant: SlantClient | None, clock: Clock, stopping: Stopping) -> float | None:
    actor = Actor.worker(f"{worker}:{uuid4().hex[:6]}")
    _check_clock(worker, clock)
    hourly = leases.available(HOURLY, clock=clock)
    try:
        _run_due_work(actor, slant, hourly, clock, stopping)
    except ClockJumped:
        raise
    except Exception:
        # With a broken trail no event can be recorded, so no due work can be done. The trail is still
        # checked.
        _check_trail(actor, hourly, clock)
        raise
    if not stopping():
        _check_trail(actor, hourly, clock)
    return due.next_due_in(clock.now())


def _run_due_work(
    worker: Actor, slant: SlantClient | None, hourly: set[str], clock: Clock, stopping: Stopping
) -> None:
    instance = Instance.current()
    slant = slant or connection.connect(clock, instance=instance)
    states = due.due_states(clock.now())
    if State.SENDING in states:
        claiming.expire_leases(worker=worker, clock=clock)
    may_send = restore_guard.check_database(worker=worker, clock=clock, instance=instance)
    reads, held = connection.metered(slant, Share.SYNC, clock), holds.codes()
    # Before anything is sent or read: whether Slant is back, whose token this is, and what it may do.
    if connection.check_connection(reads, worker=worker, clock=clock, instance=instance, held=held):
        slant, held = slant.using(can_write=Instance.current().can_write), holds.codes()
    if may_send and State.QUEUED in states:
        sending.deliver_due(slant, worker=worker, clock=clock, stopping=stopping)
    if held.isdisjoint(restore_guard.WRONG_SLANT):
        checks = connection.metered(slant, Share.CHECKS, clock)
        if states & {State.UNKNOWN, State.REVIEW} and not breaker.state(clock.now()).is_open:
            settling.settle_due(checks, worker=worker, clock=clock, stopping=stopping)
        if stopping():
            return
        if duplicates.LEASE in hourly:
            duplicates.sweep_due(checks, worker=worker, clock=clock)
        mirror.sync_if_due(reads, worker=worker, clock=clock)
    if sync_event.LEASE in hourly:
        sync_event.record_if_due(worker=worker, clock=clock)
    if cleaning.LEASE in hourly:
        cleaning.clean_due(worker=worker, clock=clock)


def _check_trail(worker: Actor, hourly: set[str], clock: Clock) -> None:
    if checkpoint_rounds.write_if_due(clock=clock):
        witness.copy_new(clock=clock)
    export_signing.sign_due(clock=clock)
    if nightly.LEASE in hourly or nightly.is_under_way(worker):
        nightly.verify_due(worker=worker, clock=clock)


def _check_clock(worker: str, clock: Clock) -> None:
    """Handle a clock jump in the transaction that detects it, because it is detected only once."""
    with transaction.atomic():
        clock_state = heartbeats.beat(worker, clock=clock)
        if clock_state is heartbeats.ClockWatch.JUMPED:
            logger.warning("the clock jumped; every quiet period begins again")
            unknown_outcome.handle_clock_jump(clock)
        elif clock_state is heartbeats.ClockWatch.UNWATCHED:
            unknown_outcome.restart_quiet_periods(clock)
            budget.restart_window(clock=clock)
