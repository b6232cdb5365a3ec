"""Leases: which process may do a task that only one may do at a time, and until when.

A lease stores for how long it was given (`seconds`). One that ends further ahead than that was given before
the clock was set back, and is free.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from opportunities.clock import Clock, is_due
from opportunities.models import Lease

# The longest lease, until the next night. Rows of older versions do not store their length.
LONGEST = timedelta(hours=26)


def take(name: str, *, owner: str, seconds: float, clock: Clock, longest: timedelta = LONGEST) -> int | None:
    """Take the lease `name` for `seconds`. Returns its fence, or None while another owner holds it.

    `longest`: nobody holds it for longer, whatever its row says, which others may have written.
    """
    now = clock.now()
    row, _ = Lease.objects.get_or_create(pk=name)
    if not _is_free(row, now, longest):
        return None
    unchanged = Lease.objects.filter(pk=name, fence=row.fence, until=row.until)
    until, fence = now + timedelta(seconds=seconds), row.fence + 1
    return fence if unchanged.update(owner=owner, until=until, seconds=seconds, fence=fence) else None


def available(names: Iterable[str], *, clock: Clock) -> set[str]:
    """Those of `names` that nobody holds: never taken, released, or expired. Makes one query."""
    now, rows = clock.now(), Lease.objects.in_bulk(list(names))
    return {name for name in names if name not in rows or _is_free(rows[name], now)}


def is_free(name: str, *, first_after: timedelta, clock: Clock) -> bool:
    """Whether nobody holds `name`. One that was never taken is free once `first_after` has passed."""
    now = clock.now()
    row, _ = Lease.objects.get_or_create(
        pk=name, defaults={"until": now + first_after, "seconds": first_after.total_seconds()}
    )
    return _is_free(row, now)


def renew(name: str, *, owner: str, fence: int, seconds: float, clock: Clock) -> bool:
    """Extend a lease taken with `fence`. False when another owner took it meanwhile: the caller must stop at
    once.
    """
    until = clock.now() + timedelta(seconds=seconds)
    lease = Lease.objects.filter(pk=name, owner=owner, fence=fence)
    return bool(lease.update(until=until, seconds=seconds))


def release(name: str, *, owner: str, fence: int) -> None:
    """Give a lease taken with `fence` back early. Does nothing when another owner took it meanwhile."""
    Lease.objects.filter(pk=name, owner=owner, fence=fence).update(until=None, owner="")


def _is_free(row: Lease, now: datetime, longest: timedelta = LONGEST) -> bool:
    # No number but a sensible one: the web's role may write what it likes into the lease of the watch.
    length = timedelta(seconds=row.seconds) if 0 < row.seconds < longest.total_seconds() else longest
    return is_due(row.until, now, longest=length)
