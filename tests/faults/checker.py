"""Checks a history against I1-I9, by Slant's own ledger and by what browsers were shown.

The application's tables are read only where an invariant names them: attempts (I5, I6), the trail (I7), the
state in which a submission ended (I2, I3). Nothing of the application's logic is used, so that it cannot
excuse itself.
"""

import hashlib
import itertools
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from tests.faults.history import COUNTED, staged
from tests.faults.judging import Changes
from tests.faults.looking import A_MOMENT, Looks, places_of
from tests.faults.mirrored import differences
from tests.faults.nemesis import Nemesis
from tests.faults.people import CREATED
from tests.faults.plan import Plan

if TYPE_CHECKING:
    from tests.faults.history import History

FINAL = ("confirmed", "rejected", "withdrawn")
# The life of a submission as the design draws it. `queued -> unknown`: an old proof, or a recovered database.
LEGAL = {
    "": {"queued"},
    "queued": {"sending", "withdrawn", "rejected", "unknown"},
    "sending": {"confirmed", "rejected", "queued", "unknown"},
    "unknown": {"confirmed", "queued", "review"},
    "review": {"confirmed", "queued", "withdrawn"},
}
SPINS_AT_MOST = 12.0 + 1.0
KEY_LIVES = 75 * 60.0
SUBMISSIONS = """SELECT id, reference, kind, state, path, book_id, household_id, opportunity_id, body,
    body_sha256, reason_code, attempts_count FROM opportunities_submission"""
ATTEMPTS = """SELECT submission_id, number, idempotency_key, started_at, outcome
    FROM opportunities_attempt ORDER BY submission_id, number"""
EVENTS = """SELECT object_id, action, before, after FROM opportunities_auditevent
    WHERE object_type = 'submission' ORDER BY seq"""


class Checker:
    """All that is known at the end of one history."""

    def __init__(self, history: "History") -> None:
        self.history = history
        self.raw = history.deployment.database.raw
        self.submissions = {row["id"]: row for row in _rows(self.raw, SUBMISSIONS)}
        self.lost: dict[str, dict[str, Any]] = {}  # known only to a database that a backup replaced
        self.attempts: dict[tuple[str, str], dict[str, Any]] = {}  # by key and start
        for database in [*history.shadows, self.raw]:
            for row in _rows(database, ATTEMPTS):
                self.attempts[row["idempotency_key"], row["started_at"]] = row
        for database in history.shadows:
            for row in _rows(database, SUBMISSIONS):
                if row["id"] not in self.submissions:
                    self.lost[row["id"]] = row
        self.remembered = {row["idempotency_key"] for row in _rows(self.raw, ATTEMPTS)}
        self.owner_of_key = {key: row["submission_id"] for (key, _), row in self.attempts.items()}
        self.made = history.slant.made_by_us()
        self.made_for: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.made:
            if owner := self.owner_of(entry["idempotency_key"]):
                self.made_for[owner].append(entry)

    def owner_of(self, key: str | None) -> str:
        """The submission one of whose attempts has `key`, or ""."""
        return str(self.owner_of_key.get(_hex(key), ""))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return _rows(self.raw, sql)

    def violations(self) -> list[str]:
        found = list(self.history.violations)
        for check in (
            self.i1_and_i3,
            self.i2,
            self.i4,
            self.i5,
            self.i6,
            self.i7,
            self.i8,
            self.counted,
            self.i9,
        ):
            found += check()
        return [*found, *Changes(self).violations(), *differences(self.history)]

    def twins(self) -> list[list[dict[str, Any]]]:
        """Submissions with the same body: fields alone cannot tell their records apart (reliability 2.2 (2)).

        Those that a backup forgot are among them: a twin entered after it may be given their record, a stated
        limit.
        """
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.submissions.values():
            if row["kind"] == "create":
                groups[row["body_sha256"]].append(row)
        for row in self.lost.values():
            if row["body_sha256"] in groups:
                groups[row["body_sha256"]].append(row | {"state": "forgotten", "opportunity_id": ""})
        return list(groups.values())

    def i1_and_i3(self) -> Iterator[str]:
        """At most one record each. Confirmed is exactly one as sent; rejected or withdrawn is none."""
        taken = Counter(
            row["opportunity_id"]
            for row in self.submissions.values()
            if row["opportunity_id"] and row["kind"] == "create"
        )
        yield from (f"I1: {id} belongs to {count} submissions" for id, count in taken.items() if count > 1)
        for group in self.twins():
            made = {entry["id"]: entry for row in group for entry in self.made_for[row["id"]]}
            names = " ".join(row["reference"] for row in group)
            if len(made) > len(group):
                yield f"I1: {names} made {len(made)} records: {' '.join(made)}"
            confirmed = [row for row in group if row["state"] == "confirmed"]
            undecided = [
                row
                for row in group
                if row["state"] not in ("confirmed", "rejected")
                and row["reason_code"] != "withdrawn_by_owner"
            ]
            if not len(confirmed) <= len(made) <= len(confirmed) + len(undecided):
                states = " ".join(row["state"] for row in group)
                yield f"I3: {names} ended {states}, and Slant has {len(made)} records of them"
            for row in confirmed:
                if row["opportunity_id"] not in made:
                    reference, record_id = row["reference"], row["opportunity_id"]
                    yield f"I3: {reference} is confirmed as {record_id}, which it did not make"
                elif wrong := _different(json.loads(row["body"]), made[row["opportunity_id"]]["record"]):
                    yield f"I3: {row['reference']} differs from its record in {wrong}"

    def i2(self) -> Iterator[str]:
        """What a browser was told was saved is there, and final or in review two hours later."""
        for told in self.history.people.told:
            if told.what != "saved":
                continue
            row = self.submissions.get(told.submission.hex)
            if row is None:
                if told.submission.hex not in self.lost:
                    yield f"I2: {told.submission} was saved, and is gone"
            elif row["state"] not in (*FINAL, "review") and not self._waits_for_a_manager(row):
                yield f"I2: {row['reference']} is still {row['state']} ({row['reason_code']}) two hours after"
            elif row["state"] not in ("confirmed", "queued") and not row["reason_code"]:
                yield f"I2: {row['reference']} ended {row['state']} without a reason"

    def _waits_for_a_manager(self, row: dict[str, Any]) -> bool:
        """Whether an earlier change of the same deal is in review, because changes are sent in order."""
        return row["state"] == "queued" and any(
            other["state"] == "review" and other["opportunity_id"] == row["opportunity_id"] != ""
            for other in self.submissions.values()
        )

    def i4(self) -> Iterator[str]:
        known = self.submissions.keys() | self.lost.keys()
        for entry in self.made:
            if self.owner_of(entry["idempotency_key"]) not in known:
                yield f"I4: nobody owns {entry['id']}"

    def i5(self) -> Iterator[str]:
        for sent in self.history.network.sent:
            if sent.method != "GET" and not sent.covered:
                yield f"I5: {sent.method} under {sent.key[:8]} without an open attempt"
        sends = Counter(_hex(entry["idempotency_key"]) for entry in self._writes())
        attempts = Counter(key for key, _ in self.attempts)
        for key, count in sends.items():
            if count > attempts[key]:
                yield f"I5: {count} requests under {key[:8]} and {attempts[key]} attempts"

    def _writes(self) -> list[dict[str, Any]]:
        return [entry for entry in self.history.slant.requests() if entry["method"] != "GET"]

    def i6(self) -> Iterator[str]:
        """One key, one body, one path; replaced only by the rule; after an ambiguous send, look first."""
        carried: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for entry in self._writes():
            carried[entry["idempotency_key"]].add((entry["path"], entry["body_sha256"]))
        yield from (
            f"I6: {key[:8]} travelled with {len(what)} requests"
            for key, what in carried.items()
            if len(what) > 1
        )
        sends: dict[str, list[Any]] = defaultdict(list)
        for sent in self.history.network.sent:
            if sent.method != "GET":
                sends[self.owner_of(sent.key)].append(sent)
        looks = Looks(self.history.network.sent)
        for owner, mine in sends.items():
            row = self.submissions.get(owner) or self.lost.get(owner)
            name = row["reference"] if row else owner
            for before, after in itertools.pairwise(mine):
                ambiguous = [
                    sent for sent in mine[: mine.index(after)] if sent.ambiguous and sent.key == before.key
                ]
                last = max((sent.ended or sent.began for sent in ambiguous), default=None)
                # A key chosen after a backup is gone with what the backup replaced; then only looking
                # protects.
                known = _hex(before.key) in self.remembered
                if (
                    before.key != after.key
                    and known
                    and not self._spent(before, row)
                    and last is not None
                    and after.began - last < KEY_LIVES - A_MOMENT
                ):
                    yield f"I6: {name} changed its key {after.began - last:.0f} s after an ambiguous send"
                if before.key == after.key and self._only_nos(before.key, mine[: mine.index(after)]):
                    yield f"I6: {name} kept a key after a definite no ({before.met})"
                if last is not None and row and not looks.proves(places_of(row), last, after.began):
                    waited = after.began - last
                    yield f"I6: {name} was sent again {waited:.0f} s after an ambiguous send, unproven"

    def _spent(self, sent: Any, row: dict[str, Any] | None) -> bool:
        """Whether the key was answered with a record that an equal submission owns, and is spent."""
        try:
            id = json.loads(sent.body).get("id") if sent.met in ("200", "201") else None
        except (ValueError, AttributeError):
            return False
        return id is not None and any(
            other["opportunity_id"] == id and other["kind"] == "create" and other is not row
            for other in self.submissions.values()
        )

    def _only_nos(self, key: str, sends: list[Any]) -> bool:
        """Whether every send under `key` was definitely refused, and this was committed before any process
        died.
        """
        recorded = {row["outcome"] for (used, _), row in self.attempts.items() if used == _hex(key)}
        met = {sent.met for sent in sends if sent.key == key}
        return recorded <= {"busy", "refused_us", "ok", "rejected"} and met <= {"401", "403", "429"}

    def i7(self) -> Iterator[str]:
        """Every change of state has its event, and the events tell a legal life."""
        at: dict[str, str] = defaultdict(str)
        for event in _rows(self.raw, EVENTS):
            state = event["action"].removeprefix("submission.")
            if state == "still_wanted":
                continue
            before, pk = at[event["object_id"]], event["object_id"].replace("-", "")
            said = json.loads(event["before"]).get("state", "")
            if state not in LEGAL.get(before, ()) or said != before:
                yield f"I7: {pk[:8]} went {before or 'nowhere'} -> {state} (said from {said or 'nowhere'})"
            at[event["object_id"]] = state
        told = {key.replace("-", ""): state for key, state in at.items()}
        for pk, row in self.submissions.items():
            if told.get(pk) != row["state"]:
                yield f"I7: {row['reference']} is {row['state']}, its trail ends with {told.get(pk)}"
        counted = Counter(row["submission_id"] for row in _rows(self.raw, ATTEMPTS))
        for pk, row in self.submissions.items():
            if counted[pk] != row["attempts_count"]:
                yield f"I7: {row['reference']} counts {row['attempts_count']} attempts and has {counted[pk]}"

    def i8(self) -> Iterator[str]:
        """No more calls in any hour than the budget allows, by all processes of one database.

        What a copy of it calls is not counted with the original's: a stated limit.
        """
        by_database: dict[int, list[float]] = defaultdict(list)
        at = {entry["seq"]: _moment(entry["at"]) for entry in self.history.slant.requests()}
        for sent in self.history.network.sent:
            if sent.entry:
                by_database[id(sent.by.deployment.database)].append(at[sent.entry])
        for moments in by_database.values():
            yield from self._too_many(sorted(moments))

    def counted(self) -> Iterator[str]:
        """Check that a call without a sent byte costs no budget: no more calls are counted than may have
        reached Slant.

        A process that dies has counted its call, a restored backup and a clock that was set count more.
        """
        if self.history.nemesis.counts_more:
            return
        mine = [sent for sent in self.history.network.sent if sent.by.deployment is self.history.deployment]
        reached = sum(sent.met != "unreachable" for sent in mine)
        ((counted,),) = self.history.deployment.database.rows(COUNTED)
        if counted > reached + self.history.counted_before:
            yield f"I8: {counted} calls are counted, and {reached} may have reached Slant"

    def _too_many(self, moments: list[float]) -> Iterator[str]:
        first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - 3600:
                first += 1
            if last - first + 1 > self.history.plan.budget:
                yield f"I8: {last - first + 1} calls within an hour, {self.history.plan.budget} allowed"
                return

    def i9(self) -> Iterator[str]:
        """The page says "Created" only of what is in Slant, and spins for at most twelve seconds."""
        saved = {
            told.submission: told.at for told in reversed(self.history.people.told) if told.what == "saved"
        }
        made_at = {entry["id"]: _moment(entry["at"]) - self.history.slant.skew for entry in self.made}
        # The clocks of two machines may differ by a minute, so a page trusts each jump of up to that much.
        longest = SPINS_AT_MOST + 60.0 * self.history.jumps
        for told in self.history.people.told:
            if told.words.startswith(CREATED):
                record = told.what.split()[2] if len(told.what.split()) > 2 else ""
                if made_at.get(record, told.at + 9) > told.at + A_MOMENT:
                    missing = record or "record"
                    yield f"I9: told {told.words!r} of {told.submission} while Slant had no {missing}"
            if told.what.endswith("busy") and told.asked - saved[told.submission] > longest:
                late = told.asked - saved[told.submission]
                yield f"I9: {told.words!r} still spins {late:.0f} s after saving"


def verdict_on(history: "History") -> list[str]:
    """The violations of a history. Also stores how its submissions ended."""
    checker = Checker(history)
    history.ended = [row["state"] for row in checker.submissions.values()]
    wrong = checker.violations()
    return wrong if chain_is_whole(checker.raw) else [*wrong, "I7: the chain of the trail is broken"]


def chain_is_whole(raw: sqlite3.Connection) -> bool:
    """Whether each event names the hash of the one before it, without gaps, up to the head."""
    previous, seq = "0" * 64, 0
    for row in raw.execute("SELECT seq, prev_hash, hash FROM opportunities_auditevent ORDER BY seq"):
        seq += 1
        if row[0] != seq or row[1] != previous:
            return False
        previous = row[2]
    head = raw.execute("SELECT seq, hash FROM opportunities_chainhead").fetchone()
    return bool(head == (seq, previous))


def fingerprint(history: "History") -> str:
    """A hash that is equal for equal histories, because `--seed` promises to repeat one."""
    return hashlib.sha256("\n".join(history.scheduler.log).encode()).hexdigest()[:16]


def _rows(raw: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    cursor = raw.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _hex(key: str | None) -> str:
    return (key or "").replace("-", "")


def _moment(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def _different(body: dict[str, Any], record: dict[str, Any]) -> list[str]:
    """Fields of a frozen body that the record was not created with, `pipeline_type` excepted."""
    day = slice(0, 10)
    return [
        name
        for name, value in body.items()
        if name != "pipeline_type"
        and (str(record[name])[day] != value[day] if name == "target_close_date" else record[name] != value)
    ]


def live_and_judge(
    plan: Plan, rng: Random, nemesis: Callable[["History"], Nemesis]
) -> tuple[list[str], "History"]:
    """Run the history of `plan`. Returns its violations and the history."""
    with staged(plan, rng, nemesis) as history:
        history.run()
        return verdict_on(history), history
