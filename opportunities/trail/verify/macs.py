"""Whether each event has a MAC of this installation's web or worker. It is decided after the checkpoints are
read.
"""

from dataclasses import dataclass, field
from typing import Any

from opportunities.models import AuditEvent
from opportunities.trail import proving
from opportunities.trail.event_macs import KnownKeys, MacFault
from opportunities.trail.proving import Accepted, UnprovenEvent
from opportunities.trail.verifier import Problem
from opportunities.trail.verify.report import NOT_AS_SEEN, VerificationReport

Page = list[dict[str, Any]]


@dataclass
class MacCheck:
    """The events without a valid MAC, in runs of the same reason: an old trail has a million of them."""

    keys: KnownKeys
    # Whether the newest checkpoint says that events have MACs. If not, events without one are of an older
    # version.
    is_strict: bool = False
    # The oldest checkpoint that says so. After it only a note excuses an event without a MAC.
    strict_from: int | None = None
    _runs: list[tuple[UnprovenEvent, int]] = field(default_factory=list)
    _with_mac: int = 0

    def take(self, events: Page) -> None:
        """Check a page of events whose chain was already checked."""
        rows = AuditEvent.objects.filter(seq__gte=events[0]["seq"], seq__lte=events[-1]["seq"])
        macs = {seq: (key_id, mac) for seq, key_id, mac in rows.values_list("seq", "mac_key", "mac")}
        for event in events:
            key_id, mac = macs.get(event["seq"], (None, None))
            self._with_mac += bool(mac)
            if why := self.keys.fault_of(event, key_id, mac):
                self._add(UnprovenEvent(event["seq"], why, key_id or ""))

    def _add(self, unproven: UnprovenEvent) -> None:
        if self._runs:
            first, last = self._runs[-1]
            if last == unproven.seq - 1 and first[1:] == unproven[1:]:
                self._runs[-1] = (first, unproven.seq)
                return
        self._runs.append((unproven, unproven.seq))

    def conclude(self, accepted: list[Accepted], report: VerificationReport) -> Problem | None:
        """Return the problem of the first unproven event. Other findings about MACs become notes of the
        report.
        """
        if not self.keys.can_check:
            if self._with_mac:
                report.notes.append(
                    "The MACs of events were not checked: that takes the worker's account and its key."
                )
            return None
        report.notes += [acceptance.words for acceptance in accepted]
        is_accepted = proving.is_any(accepted)
        required_from = self._required_from(report.vouched)
        for unproven, last in self._runs:
            first = self._first_of(unproven, required_from)
            if seq := next((n for n in range(first, last + 1) if not is_accepted(n)), 0):
                words = f"{unproven._replace(seq=seq).words}: nothing proves that our web or worker wrote it."
                return Problem(NOT_AS_SEEN, seq, f"{words} See docs/audit.md, 'A MAC for each event'.")
        return None

    def _first_of(self, unproven: UnprovenEvent, required_from: int) -> int:
        """The first event of a run that needs a proof of its own.

        A wrong MAC always does, and a missing one after the first checkpoint that says that events have MACs.
        For the rest the newest checkpoint is proof of all before it.
        """
        if unproven.why == MacFault.WRONG:
            return unproven.seq
        if unproven.why == MacFault.NO_MAC and self.strict_from is not None:
            return max(unproven.seq, self.strict_from + 1)
        return max(unproven.seq, required_from)

    def _required_from(self, newest_checkpoint: int) -> int:
        """The number of the first event that must have a MAC: one after the newest checkpoint."""
        older = [] if self.is_strict else [last for first, last in self._runs if first.why == MacFault.NO_MAC]
        return max([newest_checkpoint, *older]) + 1
