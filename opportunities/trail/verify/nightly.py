"""The nightly verification, one second at a time, and the alerts and event that follow from its result."""

import logging
import threading
from datetime import datetime, time, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from opportunities.clock import Clock
from opportunities.models import ChainHead
from opportunities.runtime import alerts, leases
from opportunities.runtime.alerts import AlertText
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange
from opportunities.trail.verify.report import Verification, VerificationReport
from opportunities.trail.verify.whole import verification

logger = logging.getLogger(__name__)

CAUSE = "trail_broken"
MEANING = (
    "Deals in Slant are as they are. What the trail says of them cannot be relied on until this is explained."
)
REMEDY = "Repair nothing, and keep copies of the database and the checkpoints: docs/audit.md, 'Verifying'."
LEASE = "verify_audit"
LEASE_SECONDS = 600
SLICE_SECONDS = 1.0
FIRST_AFTER = timedelta(minutes=10)
NIGHT = time(2, 0)


def conclude(report: VerificationReport, *, by: Actor, clock: Clock) -> bool:
    """Record the result of a verification. A failure opens an alert, which the next good one closes.

    A broken trail may refuse new events, because its head is gone or names an existing event. So the alert
    is committed first, in a transaction of its own. Returns False if the trail did not take the result.
    """
    if report.problem is None:
        with transaction.atomic():
            _record(report, by=by, clock=clock)
            alerts.close_alert(CAUSE, clock=clock)
        return True
    words = report.problem.words
    text = f"The audit trail is not what it was: {words} Run manage.py verify_audit and tell compliance."
    alerts.open_alert(CAUSE, AlertText(text, MEANING, REMEDY, "/audit/"), clock=clock)
    try:
        with transaction.atomic():
            _record(report, by=by, clock=clock)
    except (DatabaseError, ChainHead.DoesNotExist) as refused:
        logger.error("the trail takes no event of its own verification: %s", refused)
        return False
    return True


def _record(report: VerificationReport, *, by: Actor, clock: Clock) -> None:
    problem = report.problem
    after: dict[str, Any] = {
        "events": report.events,
        "last_seq": report.last_seq,
        "checkpoint": report.vouched,
        "checkpoints": report.checkpoints,
        "submissions": report.submissions,
    }
    after |= {"key": report.key} if report.key else {}
    after |= {"first_bad": problem.seq} if problem else {}
    audit.record(
        clock=clock,
        by=by,
        action="audit.verified",
        object_type="trail",
        outcome="failed" if problem else "ok",
        reason_code=str(report.code) if problem else "",
        reason_text=problem.words if problem else "",
        change=AuditChange(after=after),
    )


_guard = threading.Lock()
_under_way: dict[str, tuple[int, Verification]] = {}


def verify_due(*, worker: Actor, clock: Clock) -> VerificationReport | None:
    """Verify nightly, for about a second in each round, so that sending never waits. Returns the report when
    done.
    """
    if not is_under_way(worker) and not leases.is_free(LEASE, first_after=FIRST_AFTER, clock=clock):
        return None
    # Rounds of one process may overlap; only one of them verifies.
    if not _guard.acquire(blocking=False):
        return None
    try:
        return _continue(_process_of(worker), worker, clock)
    finally:
        _guard.release()


def is_under_way(worker: Actor) -> bool:
    """Whether an earlier round of this process began a verification that has not ended."""
    return _process_of(worker) in _under_way


def _process_of(worker: Actor) -> str:
    return worker.display.rpartition(":")[0] or worker.display


def _continue(name: str, worker: Actor, clock: Clock) -> VerificationReport | None:
    fence, steps = _under_way.pop(name, (0, None))
    if steps is None or not leases.renew(LEASE, owner=name, fence=fence, seconds=LEASE_SECONDS, clock=clock):
        new_fence = leases.take(LEASE, owner=name, seconds=LEASE_SECONDS, clock=clock)
        if new_fence is None:
            return None
        fence, steps = new_fence, verification()
    until = clock.monotonic() + SLICE_SECONDS
    try:
        while clock.monotonic() <= until:
            next(steps)
    except StopIteration as ended:
        report: VerificationReport = ended.value
        conclude(report, by=worker, clock=clock)
        rest = (next_night(clock.now()) - clock.now()).total_seconds()
        leases.renew(LEASE, owner=name, fence=fence, seconds=rest, clock=clock)
        return report
    _under_way[name] = (fence, steps)
    return None


def next_night(now: datetime) -> datetime:
    """The next two o'clock in the firm's zone."""
    local = timezone.localtime(now)
    tonight = timezone.make_aware(datetime.combine(local.date(), NIGHT))
    return (
        tonight
        if tonight > now
        else timezone.make_aware(datetime.combine(local.date() + timedelta(days=1), NIGHT))
    )
