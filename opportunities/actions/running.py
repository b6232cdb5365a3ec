"""What keeps any number of processes out of each other's way: leases, heartbeats, and the reasons to hold."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from enum import Enum

from django.db import transaction
from django.db.models import F, Q

from opportunities.actions import audit
from opportunities.actions.audit import Actor, Change
from opportunities.clock import Clock
from opportunities.models import Heartbeat, Hold, Instance, Lease

STOPPED = "stopped"
TOKEN_REFUSED = "token_refused"  # noqa: S105 - the name of a reason, not a secret
TOKEN_READ_ONLY = "token_read_only"  # noqa: S105
UNIT_ALARM = "unit_alarm"

JUMP_SECONDS = 30
WATCHED_SECONDS = 90

# Whether this process was asked to end. Asked between exchanges, which are never broken off for it.
Stopping = Callable[[], bool]


def going_on() -> bool:
    """The `Stopping` of whoever is never asked to end."""
    return False


def take_lease(name: str, *, owner: str, seconds: float, clock: Clock) -> int | None:
    """Take the lease `name` for `seconds`. Returns its fence, or None while anybody holds it."""
    now = clock.now()
    Lease.objects.get_or_create(pk=name)
    taken = Lease.objects.filter(Q(until=None) | Q(until__lte=now), pk=name).update(
        owner=owner, until=now + timedelta(seconds=seconds), fence=F("fence") + 1
    )
    return Lease.objects.get(pk=name).fence if taken else None


def free_leases(names: Iterable[str], *, clock: Clock) -> set[str]:
    """Those of `names` that nobody holds: never taken, dropped, or run out. One question for all of them."""
    now = clock.now()
    until = dict(Lease.objects.filter(pk__in=list(names)).values_list("pk", "until"))
    return {name for name in names if (end := until.get(name)) is None or end <= now}


def renew_lease(name: str, *, owner: str, fence: int, seconds: float, clock: Clock) -> bool:
    """Hold on to a lease taken with `fence`. False when another owner took it meanwhile: stop at once."""
    until = clock.now() + timedelta(seconds=seconds)
    return bool(Lease.objects.filter(pk=name, owner=owner, fence=fence).update(until=until))


def drop_lease(name: str, *, owner: str, fence: int) -> None:
    Lease.objects.filter(pk=name, owner=owner, fence=fence).update(until=None, owner="")


class Watch(Enum):
    """What is known of the wall clock since it was last looked at."""

    STEADY = "steady"
    JUMPED = "jumped"
    UNWATCHED = "unwatched"


def beat(worker: str, *, clock: Clock) -> Watch:
    """Say that `worker` is alive, and what the wall clock did. Act on it in the same transaction, or a crash forgets it.

    It jumped if it moved against this worker's monotonic clock since its last beat, or if any worker, perhaps one that
    died, has been seen ahead of now. A new worker that finds none other alive cannot know: nobody watched.
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
    return Watch.JUMPED if jumped else Watch.STEADY if beats else Watch.UNWATCHED


def instance() -> Instance:
    return Instance.objects.get(pk=1)


def sending_is_held() -> bool:
    return Hold.objects.exists()


def holds() -> set[str]:
    """The codes of all reasons to hold."""
    return set(Hold.objects.values_list("pk", flat=True))


def hold(code: str, *, reason: str, by: Actor, clock: Clock) -> bool:
    """Stop all sending for `code`; everything is kept. False when it was held for that reason already."""
    with transaction.atomic():
        _, made = Hold.objects.get_or_create(
            pk=code, defaults={"reason": reason[:500], "by": by.display[:320], "at": clock.now()}
        )
        if made:
            audit.record(
                clock=clock,
                by=by,
                action="sending.held",
                object_type="sending",
                object_id=code,
                reason_code=code,
                reason_text=reason,
                change=Change(after={"held": code}),
            )
    return made


def release(code: str, *, by: Actor, clock: Clock, reason: str = "") -> bool:
    """Lift the hold `code`. False when there was none."""
    with transaction.atomic():
        lifted, _ = Hold.objects.filter(pk=code).delete()
        if lifted:
            audit.record(
                clock=clock,
                by=by,
                action="sending.released",
                object_type="sending",
                object_id=code,
                reason_code=code,
                reason_text=reason,
                change=Change(before={"held": code}),
            )
    return bool(lifted)
