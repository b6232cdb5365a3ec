"""Which events their MACs prove to be of our web or worker, asked before a checkpoint vouches for them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from opportunities.models import AuditEvent
from opportunities.trail.event_macs import Doubt, KnownKeys

ASKED = ("seq", "hash", "actor_type", "action", "mac_key", "mac")


class Doubted(NamedTuple):
    """An event that nothing proves, and why."""

    seq: int
    why: Doubt
    mac_key: str

    @property
    def words(self) -> str:
        key = f" ({self.mac_key[:30]})" if self.mac_key else ""
        return f"Event {self.seq} {self.why}{key}"


class Unproven(Exception):
    """No checkpoint vouches for an event, because nothing proves that our web or worker wrote it."""

    def __init__(self, doubted: Doubted, *, written: int | None = None) -> None:
        """`written`: the checkpoint that was written before it."""
        super().__init__(doubted.words)
        self.written = written


@dataclass(frozen=True)
class Accepted:
    """Events that somebody answers for in a signed note, though nothing proves who wrote them."""

    first_seq: int
    last_seq: int
    words: str

    @classmethod
    def of(cls, stated: Mapping[str, Any]) -> "Accepted":
        first, last = int(stated["first_seq"]), int(stated["last_seq"])
        which = f"Event {last} was" if first == last else f"Events {first} to {last} were"
        why = f" {stated['reason']}" if stated.get("reason") else ""
        return cls(
            first, last, f"{which} accepted by {stated['by']} on {stated['time'][:10]}:{why or ' no reason.'}"
        )

    def __contains__(self, seq: int) -> bool:
        return self.first_seq <= seq <= self.last_seq


class Assessment(NamedTuple):
    """Of some events: from which on each is proven, the last such, and the first of which that is not so."""

    proven_from: int
    last: int
    doubted: Doubted | None


def read_events(first: int, last: int) -> list[dict[str, Any]]:
    """What an assessment asks of the events `first` to `last`."""
    return list(AuditEvent.objects.filter(seq__gte=first, seq__lte=last).order_by("seq").values(*ASKED))


def doubted(event: Mapping[str, Any], keys: KnownKeys) -> Doubted | None:
    why = keys.doubt(event, event["mac_key"], event["mac"])
    return Doubted(event["seq"], why, event["mac_key"] or "") if why else None


def assess(
    events: list[dict[str, Any]],
    keys: KnownKeys,
    is_accepted: Callable[[int], bool],
    *,
    is_strict: bool,
) -> Assessment:
    """Judge the events after the newest checkpoint, of which there is one at least.

    Until a checkpoint has vouched for MACs, events without one are those of an older version. `is_strict`:
    a checkpoint has.
    """
    first = proven_from = events[0]["seq"]
    if not is_strict:
        without = [event["seq"] for event in events if not event["mac"]]
        proven_from = without[-1] + 1 if without else first
    for event in events[proven_from - first :]:
        found = doubted(event, keys)
        if found and not is_accepted(event["seq"]):
            return Assessment(proven_from, event["seq"] - 1, found)
    return Assessment(proven_from, events[-1]["seq"], None)


def is_any(ranges: Iterable[Accepted]) -> Callable[[int], bool]:
    """A question for `assess()`: whether one of `ranges` holds an event."""
    known = list(ranges)
    return lambda seq: any(seq in accepted for accepted in known)
