"""Events about access: what somebody opened, what was refused, and limits they reached."""

from datetime import timedelta

from django.db import transaction

from opportunities.clock import CLOCKS_DIFFER, Clock
from opportunities.models import AuditEvent
from opportunities.trail import audit
from opportunities.trail.audit import Actor

ACCESS_RECORD_INTERVAL = timedelta(minutes=15)


def record_access(
    *,
    by: Actor,
    clock: Clock,
    action: str,
    object_type: str,
    object_id: str,
    outcome: str,
    reason_code: str = "",
    or_in_session: bool = False,
) -> bool:
    """Record that somebody opened an object or tried to, once in ACCESS_RECORD_INTERVAL.

    Returns whether an event was written. With `or_in_session` one event of their session is enough, at any
    age; then no row is locked.
    """
    recorded = AuditEvent.objects.filter(
        object_type=object_type, object_id=object_id, action=action, actor_iss=by.iss, actor_sub=by.sub
    )
    if or_in_session and recorded.filter(session_ref=by.session_ref).exists():
        return False
    with transaction.atomic():
        # The lock that orders appends also ensures that of two simultaneous requests only one finds no event.
        audit.wait_turn()
        # An event in the future is from before the clock was set back, so it is not recent.
        now = clock.now()
        if recorded.filter(
            recorded_at__gt=now - ACCESS_RECORD_INTERVAL, recorded_at__lte=now + CLOCKS_DIFFER
        ).exists():
            return False
        audit.record(
            clock=clock,
            by=by,
            action=action,
            object_type=object_type,
            object_id=object_id,
            outcome=outcome,
            reason_code=reason_code,
        )
    return True


def record_limit_reached(*, name: str, per: str, by: Actor, clock: Clock) -> None:
    """`per` is what the limit counts: a person, a browser or an address."""
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action="limit.reached",
            object_type="limit",
            object_id=name,
            outcome="refused",
            reason_code=per,
        )
