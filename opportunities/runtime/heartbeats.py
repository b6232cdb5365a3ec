"""Heartbeats: which workers are alive, and whether a wall clock jumped."""

from datetime import timedelta
from enum import Enum

from django.db.models import Q

from opportunities.clock import Clock
from opportunities.models import Heartbeat

JUMP_SECONDS = 30
WATCHED_SECONDS = 90


class ClockWatch(Enum):
    """What is known of the wall clock since it was last looked at."""

    STEADY = "steady"
    JUMPED = "jumped"
    UNWATCHED = "unwatched"


def beat(worker: str, *, clock: Clock) -> ClockWatch:
    """Say that `worker` is alive, and what the wall clock did. Act on it in the same transaction, or a crash
    forgets it.

    It jumped if it moved against this worker's monotonic clock since its last beat, or if any worker, perhaps
    one that died, has been seen ahead of now. A new worker that finds none other alive cannot know: nobody
    watched.
    """
    now, monotonic = clock.now(), clock.monotonic()
    lately = Heartbeat.objects.filter(Q(pk=worker) | Q(at__gt=now - timedelta(seconds=WATCHED_SECONDS)))
    beats = {beat.worker: beat for beat in lately}
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
