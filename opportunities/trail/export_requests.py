"""Asking a worker to sign an export from the page, whose process has no key, and waiting until it did."""

import time
from datetime import datetime, timedelta

from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import AuditEvent, ExportSignature
from opportunities.runtime import heartbeats, wakeup

WAIT_SECONDS = 30.0
LOOK_SECONDS = 0.1
# By then the person who asked has left the page.
WORTH_SIGNING = timedelta(minutes=10)
KEPT = timedelta(days=1)


def ask(event: AuditEvent, *, clock: Clock) -> None:
    """Ask for the signature of the export that `event` records, in its transaction."""
    ExportSignature.objects.create(started=event.seq, asked_at=clock.now())
    transaction.on_commit(wakeup.wake)


def wait_for_closing(seq: int, *, clock: Clock) -> bytes:
    """Wait, while a worker runs, for the lines that it signs. Returns none when they did not come in time."""
    until = time.monotonic() + WAIT_SECONDS
    rows = ExportSignature.objects.filter(pk=seq).values_list("closing", flat=True)
    while not (closing := rows.first() or ""):
        if time.monotonic() > until or not _lives_worker(clock.now()):
            return b""
        time.sleep(LOOK_SECONDS)
    return closing.encode()


def _lives_worker(now: datetime) -> bool:
    newest = heartbeats.completions(now).first()
    return newest is not None and heartbeats.silent_since(newest, now) is None


def oldest_due(now: datetime) -> int | None:
    """The number of the event that began the export to be signed next."""
    rows = ExportSignature.objects.filter(closing="", asked_at__gt=now - WORTH_SIGNING)
    return rows.order_by("asked_at").values_list("pk", flat=True).first()


def remove_old(now: datetime) -> int:
    """Remove requests so old that no page waits for their result."""
    count, _ = ExportSignature.objects.filter(asked_at__lt=now - KEPT).delete()
    return count
