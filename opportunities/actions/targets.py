"""Targets: the value each owner should win in a fiscal quarter, set by managers."""

from collections.abc import Mapping
from datetime import date

from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Target
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


def set_targets(*, amounts: Mapping[tuple[str, date], int | None], by: Actor, clock: Clock) -> int:
    """Set targets by member and first day of the quarter; None removes one. Returns how many changed."""
    with transaction.atomic():
        firsts = {quarter for _, quarter in amounts}
        held = {
            (row.member_id, row.quarter): row
            for row in Target.objects.select_for_update().filter(quarter__in=firsts)
        }
        changed = 0
        for (member, quarter), amount in sorted(amounts.items()):
            row = held.get((member, quarter))
            before = row.amount if row else None
            if before == amount:
                continue
            if row and amount is None:
                row.delete()
            elif amount is not None:
                Target.objects.update_or_create(
                    member_id=member,
                    quarter=quarter,
                    defaults={"amount": amount, "set_by": by.display[:320], "set_at": clock.now()},
                )
            changed += 1
            audit.record(
                clock=clock,
                by=by,
                action="target.set" if amount is not None else "target.removed",
                object_type="target",
                object_id=f"{member} {quarter.isoformat()}",
                outcome="ok",
                change=AuditChange({"amount": before}, {"amount": amount}),
            )
    return changed
