"""Which events have a MAC that proves our web or worker wrote them. Checked before a checkpoint vouches for
them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from opportunities.models import AuditEvent
from opportunities.trail.event_macs import KnownKeys, MacFault

ASKED = ("seq", "hash", "actor_type", "action", "mac_key", "mac")


class UnprovenEvent(NamedTuple):
    """An event without proof of who wrote it, and why."""

    seq: int
    why: MacFault
    mac_key: str

    @property
    def words(self) -> str:
        key = f" ({self.mac_key[:30]})" if self.mac_key else ""
        return f"Event {self.seq} {self.why}{key}"


class Unproven(Exception):
    """No checkpoint vouches for an event, because nothing proves that our web or worker wrote it."""

    def __init__(self, unproven: UnprovenEvent, *, checkpoint: int | None = None) -> None:
        """`checkpoint`: the checkpoint that was written before it."""
        super().__init__(unproven.words)
        self.checkpoint = checkpoint


@dataclass(frozen=True)
class Accepted:
    """Events that somebody accepted in a signed note, although nothing proves who wrote them."""

    first_seq: int
    last_seq: int
    words: str

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> "Accepted":
        first, last = int(note["first_seq"]), int(note["last_seq"])
        subject = f"Event {last} was" if first == last else f"Events {first} to {last} were"
        why = f" {note['reason']}" if note.get("reason") else ""
        return cls(
            first, last, f"{subject} accepted by {note['by']} on {note['time'][:10]}:{why or ' no reason.'}"
        )

    def __contains__(self, seq: int) -> bool:
        return self.first_seq <= seq <= self.last_seq


class Assessment(NamedTuple):
    """What is proven of a range of events: from which number on each is, the last proven one, the first
    unproven one.
    """

    proven_from: int
    last: int
    unproven: UnprovenEvent | None


def read_events(first: int, last: int) -> list[dict[str, Any]]:
    """The columns that an assessment needs of the events `first` to `last`."""
    return list(AuditEvent.objects.filter(seq__gte=first, seq__lte=last).order_by("seq").values(*ASKED))


def find_fault(event: Mapping[str, Any], keys: KnownKeys) -> UnprovenEvent | None:
    why = keys.fault_of(event, event["mac_key"], event["mac"])
    return UnprovenEvent(event["seq"], why, event["mac_key"] or "") if why else None


def assess(
    events: list[dict[str, Any]],
    keys: KnownKeys,
    is_accepted: Callable[[int], bool],
    *,
    is_strict: bool,
) -> Assessment:
    """Judge the events after the newest checkpoint; `events` holds at least one.

    Until a checkpoint says that events have MACs, an event without one counts as written by an older version.
    `is_strict`: a checkpoint says so.
    """
    first = proven_from = events[0]["seq"]
    if not is_strict:
        without = [event["seq"] for event in events if not event["mac"]]
        proven_from = without[-1] + 1 if without else first
    for event in events[proven_from - first :]:
        fault = find_fault(event, keys)
        if fault and not is_accepted(event["seq"]):
            return Assessment(proven_from, event["seq"] - 1, fault)
    return Assessment(proven_from, events[-1]["seq"], None)


def is_any(ranges: Iterable[Accepted]) -> Callable[[int], bool]:
    """Make the `is_accepted` of `assess()`: it tells whether one of `ranges` holds an event."""
    accepted_ranges = list(ranges)
    return lambda seq: any(seq in accepted for accepted in accepted_ranges)
