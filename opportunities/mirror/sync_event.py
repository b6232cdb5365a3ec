"""The hourly event of the trail that says how current the mirror is.

Single passes write no event: they change nothing that a person asked for, and there are sixty an hour.
"""

from datetime import timedelta

from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import SyncState
from opportunities.runtime import leases
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

LEASE = "sync_noted"
EVERY = timedelta(hours=1)


def record_if_due(*, worker: Actor, clock: Clock) -> bool:
    """Record the state of the mirror if an hour has passed. Returns whether it was recorded."""
    if not leases.is_free(LEASE, first_after=EVERY, clock=clock):
        return False
    if leases.take(LEASE, owner=worker.display, seconds=EVERY.total_seconds(), clock=clock) is None:
        return False
    states = list(SyncState.objects.order_by("resource"))
    finished = {state.resource: state.finished_at for state in states if state.finished_at}
    failing = next((state for state in states if state.failed_at), None)
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=worker,
            action="sync.ran",
            object_type="mirror",
            outcome="failed" if failing else "ok",
            reason_code="failing" if failing else "",
            reason_text=failing.failure if failing else "",
            change=AuditChange(after={name: audit.plain_time(at) for name, at in finished.items()}),
            occurred_at=None if failing else max(finished.values(), default=None),
        )
    return True
