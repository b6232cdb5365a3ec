"""Deal exports: who exported which deals to a file, recorded before the first byte is sent
(docs/security.md).
"""

from django.db import transaction

from opportunities.clock import Clock
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


def record(*, object_type: str, format: str, rows: int, filters: str, by: Actor, clock: Clock) -> None:
    """`object_type` names the list or report, `filters` is its query string."""
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action="client_data.exported",
            object_type=object_type,
            change=AuditChange(after={"format": format, "rows": rows, "filters": filters[:1000]}),
            outcome="ok",
        )
