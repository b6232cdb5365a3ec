"""Leases: which process may do what only one may do at a time, and until when."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import F, Q

from opportunities.clock import Clock
from opportunities.models import Lease


def take(name: str, *, owner: str, seconds: float, clock: Clock) -> int | None:
    """Take the lease `name` for `seconds`. Returns its fence, or None while another owner holds it."""
    now = clock.now()
    Lease.objects.get_or_create(pk=name)
    taken = Lease.objects.filter(Q(until=None) | Q(until__lte=now), pk=name).update(
        owner=owner, until=now + timedelta(seconds=seconds), fence=F("fence") + 1
    )
    return Lease.objects.get(pk=name).fence if taken else None


def available(names: Iterable[str], *, clock: Clock) -> set[str]:
    """Those of `names` that nobody holds: never taken, released, or expired. One query for all of them."""
    now = clock.now()
    until = dict(Lease.objects.filter(pk__in=list(names)).values_list("pk", "until"))
    return {name for name in names if (end := until.get(name)) is None or end <= now}


def renew(name: str, *, owner: str, fence: int, seconds: float, clock: Clock) -> bool:
    """Extend a lease taken with `fence`. False when another owner took it meanwhile: stop at once."""
    until = clock.now() + timedelta(seconds=seconds)
    return bool(Lease.objects.filter(pk=name, owner=owner, fence=fence).update(until=until))


def release(name: str, *, owner: str, fence: int) -> None:
    """Give a lease taken with `fence` back early. Does nothing when another owner took it meanwhile."""
    Lease.objects.filter(pk=name, owner=owner, fence=fence).update(until=None, owner="")
