"""Holds: why nothing is sent to Slant for now. Everything stays queued until the last hold is released."""

from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Hold
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

STOPPED = "stopped"
TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of a reason, not a secret
TOKEN_READ_ONLY = "token_read_only"  # noqa: S105
UNIT_ALARM = "unit_alarm"
# What the alert of every hold says about people's deals.
MEANING = "No deal is lost. What people enter is saved here and goes to Slant when sending resumes."


def sending_is_held() -> bool:
    return Hold.objects.exists()


def codes() -> set[str]:
    """The codes of all present holds."""
    return set(Hold.objects.values_list("pk", flat=True))


def hold(code: str, *, reason: str, by: Actor, clock: Clock) -> bool:
    """Stop all sending for `code`. Queued submissions are kept. False when that hold existed already."""
    with transaction.atomic():
        _, is_new = Hold.objects.get_or_create(
            pk=code, defaults={"reason": reason[:500], "by": by.display[:320], "at": clock.now()}
        )
        if is_new:
            audit.record(
                clock=clock,
                by=by,
                action="sending.held",
                object_type="sending",
                object_id=code,
                reason_code=code,
                reason_text=reason,
                change=AuditChange(after={"held": code}),
            )
    return is_new


def release(code: str, *, by: Actor, clock: Clock, reason: str = "") -> bool:
    """Release the hold `code`. False when it did not exist."""
    with transaction.atomic():
        released, _ = Hold.objects.filter(pk=code).delete()
        if released:
            audit.record(
                clock=clock,
                by=by,
                action="sending.released",
                object_type="sending",
                object_id=code,
                reason_code=code,
                reason_text=reason,
                change=AuditChange(before={"held": code}),
            )
    return bool(released)
