"""Once an hour into the trail: how far the mirror has kept up with Slant.

A read of the mirror changes nothing anybody asked for, so each of the sixty an hour is no event; that it was
kept up, or could not be, is one.
"""

from datetime import timedelta

from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Lease, SyncState
from opportunities.runtime import leases
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

LEASE = "sync_noted"
EVERY = timedelta(hours=1)


def note_sync_due(*, worker: Actor, clock: Clock) -> bool:
    """Record the state of the mirror if an hour has passed. Whether it was recorded."""
    now = clock.now()
    row, _ = Lease.objects.get_or_create(pk=LEASE, defaults={"until": now + EVERY})
    if row.until and row.until > now:
        return False
    if leases.take(LEASE, owner=worker.display, seconds=EVERY.total_seconds(), clock=clock) is None:
        return False
    states = list(SyncState.objects.order_by("resource"))
    finished = [state.finished_at for state in states if state.finished_at]
    failing = [state for state in states if state.failed_at]
    after = {state.resource: state.finished_at and audit.plain_time(state.finished_at) for state in states}
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=worker,
            action="sync.ran",
            object_type="mirror",
            outcome="failed" if failing else "ok",
            reason_code="failing" if failing else "",
            reason_text=failing[0].failure if failing else "",
            change=AuditChange(after={name: at for name, at in after.items() if at}),
            occurred_at=max(finished) if finished and not failing else None,
        )
    return True
