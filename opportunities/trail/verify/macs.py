"""Whether each event has a MAC of this installation's web or worker, judged once the checkpoints are read."""

from dataclasses import dataclass, field
from typing import Any

from opportunities.models import AuditEvent
from opportunities.trail import proving
from opportunities.trail.event_macs import Doubt, KnownKeys
from opportunities.trail.proving import Accepted, Doubted
from opportunities.trail.verifier import Problem
from opportunities.trail.verify.report import NOT_AS_SEEN, VerificationReport

Page = list[dict[str, Any]]


@dataclass
class MacCheck:
    """The events without a valid MAC, in runs of the same reason: an old trail has a million of them."""

    keys: KnownKeys
    # Whether the newest checkpoint says that events have MACs. Before one does, they are of an older version.
    is_strict: bool = False
    _runs: list[tuple[Doubted, int]] = field(default_factory=list)
    _with_mac: int = 0

    def take(self, events: Page) -> None:
        """Check a page of events that the chain has followed."""
        rows = AuditEvent.objects.filter(seq__gte=events[0]["seq"], seq__lte=events[-1]["seq"])
        macs = {seq: (key_id, mac) for seq, key_id, mac in rows.values_list("seq", "mac_key", "mac")}
        for event in events:
            key_id, mac = macs.get(event["seq"], (None, None))
            self._with_mac += bool(mac)
            if why := self.keys.doubt(event, key_id, mac):
                self._add(Doubted(event["seq"], why, key_id or ""))

    def _add(self, doubted: Doubted) -> None:
        if self._runs:
            begun, last = self._runs[-1]
            if last == doubted.seq - 1 and begun[1:] == doubted[1:]:
                self._runs[-1] = (begun, doubted.seq)
                return
        self._runs.append((doubted, doubted.seq))

    def conclude(self, accepted: list[Accepted], report: VerificationReport) -> Problem | None:
        """The first event that nothing proves; or what else is to be said of MACs, as notes of the report."""
        if not self.keys.can_check:
            if self._with_mac:
                report.notes.append(
                    "The MACs of events were not checked: that takes the worker's account and its key."
                )
            return None
        report.notes += [acceptance.words for acceptance in accepted]
        is_accepted = proving.is_any(accepted)
        asked_from = self._asked_from(report.vouched)
        for doubted, last in self._runs:
            # A wrong MAC is never honest. Without one, a checkpoint proves the same.
            first = doubted.seq if doubted.why == Doubt.WRONG else max(doubted.seq, asked_from)
            if seq := next((n for n in range(first, last + 1) if not is_accepted(n)), 0):
                words = f"{doubted._replace(seq=seq).words}: nothing proves that our web or worker wrote it."
                return Problem(NOT_AS_SEEN, seq, f"{words} See docs/audit.md, 'A MAC for each event'.")
        return None

    def _asked_from(self, vouched: int) -> int:
        """The first event that must have a MAC, after the newest checkpoint."""
        older = [] if self.is_strict else [last for begun, last in self._runs if begun.why == Doubt.NO_MAC]
        return max([vouched, *older]) + 1
