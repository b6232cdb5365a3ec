"""Heartbeats: which workers are alive, and whether a wall clock jumped."""

from datetime import timedelta
from enum import Enum

from django.db.models import Q

from opportunities.clock import Clock
from opportunities.models import Heartbeat

JUMP_SECONDS = 30
WATCHED_SECONDS = 90


class ClockWatch(Enum):
    """What is known of the wall clock since the last beat."""

    STEADY = "steady"
    JUMPED = "jumped"
    UNWATCHED = "unwatched"


def beat(worker: str, *, clock: Clock) -> ClockWatch:
    """Record that `worker` is alive, and return what the wall clock did since.

    Call it in the transaction that acts on the result, or a crash in between loses the jump. The clock jumped
    if it moved against this worker's monotonic clock since its last beat, or if any worker has been seen
    ahead of now. A new worker that finds no other alive cannot know: nobody watched.
    """
    now, monotonic = clock.now(), clock.monotonic()
    recent = Heartbeat.objects.filter(Q(pk=worker) | Q(at__gt=now - timedelta(seconds=WATCHED_SECONDS)))
    beats = {beat.worker: beat for beat in recent}
    last = beats.get(worker)
    jumped = any(beat.at > now + timedelta(seconds=JUMP_SECONDS) for beat in beats.values())
    if jumped:
        Heartbeat.objects.filter(at__gt=now + timedelta(seconds=JUMP_SECONDS)).update(
            at=now, monotonic=monotonic
        )
    elif last and monotonic >= last.monotonic:
        drift = (now - last.at).total_seconds() - (monotonic - last.monotonic)
        jumped = abs(drift) > JUMP_SECONDS
    if not Heartbeat.objects.filter(pk=worker).update(at=now, monotonic=monotonic):
        Heartbeat.objects.create(pk=worker, at=now, monotonic=monotonic)
    return ClockWatch.JUMPED if jumped else ClockWatch.STEADY if beats else ClockWatch.UNWATCHED
