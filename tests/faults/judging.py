"""Checks edits and moves by Slant's ledger.

A confirmed change was so in Slant, and was made once; one that was refused or taken back wrote nothing;
changes of one deal arrive in the order they were asked for, one at a time; and nobody's change is overwritten
by somebody who had not been shown it, but for what happens between the reading that goes before each write
and that write.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opportunities.sandbox import shapes

if TYPE_CHECKING:
    from tests.faults.changing import Errand
    from tests.faults.checker import Checker
    from tests.faults.network import Sent

DONE = ("Saved in Slant", "Moved in Slant")
# A lease's margin, within which a write must begin, and as long as a worker is ever frozen with it in its
# hands.
READ_WITHIN = 30.0 + 10.0
EVENTS = """SELECT object_id, min(recorded_at) AS at FROM opportunities_auditevent WHERE action IN
    ('submission.confirmed', 'submission.rejected', 'submission.withdrawn') GROUP BY object_id"""

Row = dict[str, Any]


class Changes:
    """What is known of the changes of one history."""

    def __init__(self, known: "Checker") -> None:
        self.known, self.history = known, known.history
        everything = known.lost | known.submissions
        self.rows = {pk: row for pk, row in everything.items() if row["kind"] != "create"}
        if not self.rows:
            return
        self.errands: dict[str, Errand] = {
            pk.hex: errand for errand in self.history.changing.errands for pk in errand.saved
        }
        self.lives = self._lives()
        self.writes: dict[str, list[Row]] = defaultdict(list)
        for entry in self.history.slant.written_by_us():
            if entry["action"] == "update":
                self.writes[known.owner_of(entry["idempotency_key"])].append(entry)
        self.by_entry = {sent.entry: sent for sent in self.history.network.sent if sent.entry}

    def violations(self) -> list[str]:
        if not self.rows:
            return []
        checks = (self.owned, self.settled, self.in_order, self.one_at_a_time, self.read_first, self.told)
        return [wrong for check in checks for wrong in check()]

    def _lives(self) -> dict[str, list[tuple[int, Row]]]:
        """What each deal was, each time from an entry of the ledger on."""
        start = self.history.slant.start
        lives: dict[str, list[tuple[int, Row]]] = {
            deal: [(0, shapes.record(start, "opportunity", start.tables["opportunity"][deal]))]
            for deal in {row["opportunity_id"] for row in self.rows.values()}
            if deal in start.tables["opportunity"]
        }
        for entry in self.history.slant.store.ledger.entries:
            if entry["kind"] == "write" and entry["type"] == "opportunity" and entry["action"] != "delete":
                lives.setdefault(entry["id"], []).append((entry["seq"], entry["record"]))
        return lives

    def _at(self, deal: str, seq: int) -> Row:
        """The deal as it was before entry `seq`."""
        return [record for begun, record in self.lives[deal] if begun < seq][-1]

    # Invariants

    def owned(self) -> Iterator[str]:
        for entry in self.writes.get("", []):
            yield f"I4: nobody owns a change of {entry['id']}"

    def settled(self) -> Iterator[str]:
        """I1, I3: made once. Confirmed: it was so. Rejected or withdrawn: nothing was written."""
        for pk, row in self.rows.items():
            mine = self.writes[pk]
            for first, second in itertools.pairwise(mine):
                between = [
                    seq for seq, _ in self.lives[row["opportunity_id"]] if first["seq"] < seq < second["seq"]
                ]
                if not between:
                    yield f"I1: {row['reference']} changed {row['opportunity_id']} twice"
            if pk in self.known.lost:
                continue
            refused = row["state"] == "rejected" or row["reason_code"] == "withdrawn_by_owner"
            if refused and mine:
                yield f"I3: {row['reference']} is {row['state']}, and changed {sorted(mine[0]['changed'])}"
            if row["state"] == "confirmed" and not self._was_so(row, self.history.scheduler.now):
                yield f"I3: {row['reference']} is confirmed, and {row['opportunity_id']} was never so"

    def _was_so(self, row: Row, until: float) -> bool:
        """Whether the deal was as `row` asked at some moment between its being asked for and `until`."""
        errand = self.errands.get(row["id"])
        since = errand.pressed_at if errand else 0.0
        skew, wanted = self.history.slant.skew, json.loads(row["body"])
        entry_at = {
            entry["seq"]: datetime.fromisoformat(entry["at"]).timestamp() - skew
            for entry in self.history.slant.store.ledger.entries
            if entry["kind"] == "write"
        }
        life = self.lives[row["opportunity_id"]]
        ends = [*(entry_at[seq] for seq, _ in life[1:]), float("inf")]
        return any(
            end >= since and entry_at.get(seq, 0.0) <= until + 1.0 and _is(record, wanted)
            for (seq, record), end in zip(life, ends, strict=True)
        )

    def in_order(self) -> Iterator[str]:
        written = [
            (entry["seq"], pk, entry["id"]) for pk, mine in self.writes.items() if pk for entry in mine
        ]
        for (_, earlier, deal), (_, later, other) in itertools.combinations(sorted(written), 2):
            # A database that was restored cannot know what was asked for, and sent, after the backup.
            is_forgotten = earlier in self.known.lost and later not in self.known.lost
            if deal == other and earlier != later and not is_forgotten and self._asked_before(later, earlier):
                first, second = self._name(later), self._name(earlier)
                yield f"order: {first} changed {deal} after {second}, asked for later"

    def one_at_a_time(self) -> Iterator[str]:
        """No change is sent while one of the same deal that was asked for before is not settled."""
        if self.history.jumps or self.history.shadows:
            return  # the trail's own times then say nothing of when
        ended = {row["object_id"].replace("-", ""): _true(row["at"]) for row in self.known.rows(EVENTS)}
        first_sent: dict[str, float] = {}
        for sent in self.history.network.sent:
            if sent.method == "PATCH":
                first_sent.setdefault(self.known.owner_of(sent.key), sent.began)
        for before, after in itertools.permutations(self.rows, 2):
            if (
                self.rows[before]["opportunity_id"] == self.rows[after]["opportunity_id"]
                and after in first_sent
                and self._asked_before(before, after)
                and ended.get(before, float("inf")) > first_sent[after] + 0.1
            ):
                yield f"order: {self._name(after)} was sent while {self._name(before)} was not settled"

    def _asked_before(self, one: str, other: str) -> bool:
        """Whether `one` was saved before anybody pressed the button for `other`."""
        saved = {
            told.submission.hex: told.at
            for told in reversed(self.history.people.told)
            if told.what == "saved"
        }
        errand = self.errands.get(other)
        return errand is not None and saved.get(one, float("inf")) < errand.pressed_at

    def read_first(self) -> Iterator[str]:
        """I6 for a change: its deal was read just before, and what it overwrote its person was shown."""
        for sent in self.history.network.sent:
            if sent.method == "PATCH" and self._reading_before(sent) is None:
                yield f"I6: {sent.path} was changed without being read first"
        for pk, mine in self.writes.items():
            for entry in mine if pk in self.errands else []:
                look = self._reading_before(self.by_entry[entry["request"]])
                if look is not None:
                    yield from self._overwritten(self.errands[pk], self.rows[pk], entry, look)

    def _reading_before(self, write: "Sent") -> "Sent | None":
        """The last answered reading of the deal by the process that made `write`, if it is not too old."""
        for sent in reversed(self.history.network.sent):
            if sent.by is not write.by or sent.began >= write.began or sent.path != write.path:
                continue
            recent = (sent.ended or 0.0) >= write.began - READ_WITHIN
            return sent if sent.method == "GET" and sent.met == "200" and recent else None
        return None

    def _overwritten(self, errand: "Errand", row: Row, entry: Row, look: "Sent") -> Iterator[str]:
        was, wanted = self._at(entry["id"], look.entry), json.loads(row["body"])
        for name in entry["changed"]:
            fine = [*errand.knew.get(name, []), wanted[name]]
            if not any(_same(name, was[name], one) for one in fine):
                overwrote = f"{row['reference']} overwrote {name} {was[name]!r}"
                yield f"unseen: {overwrote}; its person knew {fine[:-1]}"

    def told(self) -> Iterator[str]:
        """I9: the page says that it is saved or moved only of what was so."""
        for told in self.history.people.told:
            row = self.rows.get(told.submission.hex)
            if row is not None and told.words.startswith(DONE) and not self._was_so(row, told.at):
                reference, deal = row["reference"], row["opportunity_id"]
                yield f"I9: told {told.words!r} of {reference} while {deal} was not so"

    def _name(self, pk: str) -> str:
        return str(self.rows[pk]["reference"])


def _is(record: Row, wanted: Row) -> bool:
    return all(_same(name, record[name], value) for name, value in wanted.items())


def _same(name: str, one: Any, other: Any) -> bool:
    """A close date is a day, however it is written."""
    if name == "target_close_date" and one and other:
        return str(one)[:10] == str(other)[:10]
    return bool(one == other)


def _true(stamp: str) -> float:
    """A stored time as true time: the clocks of our machines were right."""
    return datetime.fromisoformat(f"{stamp}+00:00" if "+" not in stamp else stamp).timestamp()
