"""Heartbeats: which workers are alive, whether their rounds succeed, and whether a wall clock jumped."""

import contextlib
from datetime import datetime, timedelta
from enum import Enum

from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from opportunities.clock import CLOCKS_DIFFER, Clock
from opportunities.models import Heartbeat

WATCHED_SECONDS = 90
# A worker that was silent for this long will not return: a new process has another name.
STALE = timedelta(days=1)
# A worker completes a round at least every 5 s. After half a minute without one it hangs or is gone.
SILENT_AFTER = timedelta(seconds=30)


class ClockWatch(Enum):
    """What is known about the wall clock since the last beat."""

    STEADY = "steady"
    JUMPED = "jumped"
    UNWATCHED = "unwatched"


def beat(worker: str, *, clock: Clock) -> ClockWatch:
    """Record that `worker` is alive, and return what the wall clock did since.

    Call it in the transaction that acts on the result, or a crash in between loses the jump. The clock jumped
    if it moved against this worker's monotonic clock since its last beat, or if any heartbeat lies in the
    future. A new worker that finds no other alive cannot know, because no worker watched the clock.
    """
    now, monotonic = clock.now(), clock.monotonic()
    recent = Heartbeat.objects.filter(Q(pk=worker) | Q(at__gt=now - timedelta(seconds=WATCHED_SECONDS)))
    beats = {beat.worker: beat for beat in recent}
    last = beats.get(worker)
    jumped = any(beat.at > now + CLOCKS_DIFFER for beat in beats.values())
    if jumped:
        Heartbeat.objects.filter(at__gt=now + CLOCKS_DIFFER).update(at=now, monotonic=monotonic)
    elif last and monotonic >= last.monotonic:
        drift = (now - last.at).total_seconds() - (monotonic - last.monotonic)
        jumped = abs(drift) > CLOCKS_DIFFER.total_seconds()
    if not Heartbeat.objects.filter(pk=worker).update(at=now, monotonic=monotonic):
        # Two rounds of one process may begin at the same time.
        new = Heartbeat(pk=worker, at=now, monotonic=monotonic)
        Heartbeat.objects.bulk_create([new], ignore_conflicts=True)
    return ClockWatch.JUMPED if jumped else ClockWatch.STEADY if beats else ClockWatch.UNWATCHED


def completions(now: datetime) -> QuerySet[Heartbeat, datetime | None]:
    """When each worker last completed a round, the newest first. Only this shows that a worker works.

    A round in the future does not count: the clock was set back, and no worker has noticed.
    """
    done = Heartbeat.objects.filter(completed_at__lte=now + CLOCKS_DIFFER).order_by("-completed_at")
    return done.values_list("completed_at", flat=True)


def silent_since(last_completed: datetime | None, now: datetime) -> datetime | None:
    """Since when no worker works, for a page; None while one does, or if none ever did.

    `now` may be the time of a web server, which differs from the database's.
    """
    if last_completed is None or now - last_completed <= SILENT_AFTER + CLOCKS_DIFFER:
        return None
    return last_completed


def record_completion(worker: str, *, clock: Clock) -> None:
    """Record that a round of `worker` was completed. Only this shows that a worker works."""
    Heartbeat.objects.filter(pk=worker).update(
        completed_at=clock.now(), failing_since=None, failures=0, failure=""
    )


def record_failure(worker: str, error: Exception, *, clock: Clock) -> None:
    """Record that a round of `worker` failed, if that is still possible: the disk may be full."""
    now = clock.now()
    words = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
    with contextlib.suppress(DatabaseError), transaction.atomic():
        Heartbeat.objects.filter(pk=worker).update(
            failing_since=Coalesce(F("failing_since"), now),
            failures=F("failures") + 1,
            failure=words[:200],
        )


def remove_stale(now: datetime) -> int:
    """Remove the heartbeats of workers that are gone. Returns how many there were."""
    removed, _ = Heartbeat.objects.filter(at__lt=now - STALE).delete()
    return removed
