"""Is the trail what it was? The whole of it, on demand (`manage.py verify_audit`) and nightly by a worker.

Followed are the chain from its first event, its head, every checkpoint, and every submission: its state and its body
must be what its events say. What is read is never locked, so events go on being written meanwhile.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.utils import timezone

from opportunities.actions import alerts, audit, checkpoints, running
from opportunities.actions.audit import Actor, Change
from opportunities.clock import Clock
from opportunities.models import AuditEvent, ChainHead, Lease, State, Submission
from opportunities.trail.verifier import ALTERED, BEHIND, GOOD, MISSING, UNBELIEVABLE, Chain, Problem

DIFFERS = 5
CAUSE = "trail_broken"
STATE_ACTIONS = {f"submission.{state}": str(state) for state in State.values}

ROWS_AT_ONCE = 1000
LEASE = "verify_audit"
LEASE_SECONDS = 600
SLICE_SECONDS = 1.0
FIRST_AFTER = timedelta(minutes=10)
NIGHT = time(2, 0)


@dataclass(frozen=True)
class Progress:
    """How far a verification has come."""

    done: int
    total: int


@dataclass
class Report:
    """What a verification found. `problem` is None when all is good; its `code` is the command's exit code."""

    problem: Problem | None = None
    events: int = 0
    last_seq: int = 0
    checkpoints: int = 0
    vouched: int = 0
    key: str = ""
    submissions: int = 0
    archived: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        return self.problem.code if self.problem else GOOD


Verification = Generator[Progress, None, Report]


def verify(*, keys: set[str] | None = None, archives: Iterable[Path] = ()) -> Report:
    """The whole at once. `keys`: the public keys to trust instead of the installed ones."""
    running_one = verification(keys=keys, archives=archives)
    while True:
        try:
            next(running_one)
        except StopIteration as ended:
            report: Report = ended.value
            return report


def verification(*, keys: set[str] | None = None, archives: Iterable[Path] = ()) -> Verification:
    """Verify in steps of a thousand events or so; returns the report. Stops at the first thing that is wrong.

    `archives` are files of older events, oldest first, for a trail whose beginning was moved out of the database.
    """
    keys = checkpoints.trusted_keys() if keys is None else keys
    report, replay, known = Report(), _Replay(), dict.fromkeys(checkpoints.numbers(), "")
    chain = Chain()
    for path in archives:
        with path.open("rb") as lines:
            for number, event in enumerate(_events_of(lines), start=1):
                report.problem = _take(event, chain, replay, known, report)
                if report.problem:
                    return report
                if number % ROWS_AT_ONCE == 0:
                    yield Progress(report.events, 0)
    _begin_after_archive(chain, keys, report)
    while rows := plain_rows(chain.seq):
        for event in rows:
            report.problem = _take(event, chain, replay, known, report)
            if report.problem:
                return report
        yield Progress(report.events, ChainHead.objects.values_list("seq", flat=True).first() or 0)
    report.problem = _check_head(chain) or _check_checkpoints(chain, keys, known, report)
    if report.problem:
        return report
    yield from _check_submissions(replay, report)
    return report


def _take(
    event: dict[str, Any], chain: Chain, replay: "_Replay", known: dict[int, str], report: Report
) -> Problem | None:
    problem = chain.follow(event) or replay.take(event)
    if problem is None:
        report.events, report.last_seq = report.events + 1, chain.seq
        if chain.seq in known:
            known[chain.seq] = chain.hash
    return problem


def _events_of(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        content = json.loads(line)
        if "seq" in content:
            yield content


# Rows as the chain hashes them

COLUMNS = sorted(column.attname for column in AuditEvent._meta.concrete_fields)
_TIMES = ("occurred_at", "recorded_at")
_DOCUMENTS = ("before", "after", "actor_roles")
_EMPTY: dict[str, Callable[[], Any]] = {"{}": dict, "[]": list}
# What a value raises that somebody put there by other means than the application's.
UNREADABLE = (ValueError, TypeError, AttributeError, DatabaseError)


def plain_rows(after: int, condition: Q | None = None) -> list[dict[str, Any]]:
    """The next events after number `after`, as plain JSON values under the names of their fields, `hash` included.

    Read without building models, which a million of them would spend most of a minute on.
    """
    rows = AuditEvent.objects.filter(condition or Q(), seq__gt=after).order_by("seq")
    try:
        return _read(rows[:ROWS_AT_ONCE])
    except UNREADABLE:
        return [_plain_or_not(seq) for seq in rows.values_list("seq", flat=True)[:ROWS_AT_ONCE]]


def _read(rows: QuerySet[AuditEvent]) -> list[dict[str, Any]]:
    sql, params = rows.values_list(*COLUMNS).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [_plain(row) for row in cursor.fetchall()]


def _plain_or_not(seq: int) -> dict[str, Any]:
    """One of a page in which something cannot be read: what cannot is an event that fits no hash."""
    try:
        return _read(AuditEvent.objects.filter(pk=seq))[0]
    except (*UNREADABLE, IndexError):
        return {"seq": seq, "hash": "unreadable"}


def _plain(row: Iterable[Any]) -> dict[str, Any]:
    """A row as the drivers give it: documents as text, and SQLite's ids as text too."""
    event = dict(zip(COLUMNS, row, strict=True))
    id = event["event_id"]
    event["event_id"] = (
        f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}" if isinstance(id, str) else str(id)
    )
    for name in _TIMES:
        # isoformat is far quicker than strftime. SQLite's driver gives UTC without saying so.
        text = event[name].isoformat(timespec="microseconds")
        if text.endswith("+00:00"):
            event[name] = f"{text[:-6]}Z"
        else:
            event[name] = f"{text}Z" if len(text) == 26 else audit.plain_time(event[name])
    for name in _DOCUMENTS:
        text = event[name]
        event[name] = _EMPTY[text]() if text in _EMPTY else json.loads(text)
    return event


# What is compared with it


def _begin_after_archive(chain: Chain, keys: set[str], report: Report) -> None:
    """A trail may begin later than at 1 only where a signed note says that what was before lies in a file."""
    first = AuditEvent.objects.order_by("seq").values_list("seq", flat=True).first()
    if first is None or first <= chain.seq + 1:
        return
    seq, hash = checkpoints.archived_up_to(keys=keys)
    if seq == first - 1 and chain.seq == 0:
        chain.seq, chain.hash = seq, hash
        report.archived = seq
        report.notes.append(
            f"Events 1 to {seq:,} were moved to files; give them with --archive to check them too."
        )


def _check_head(chain: Chain) -> Problem | None:
    """The head is the last event, and no number is missing or there twice."""
    last = AuditEvent.objects.order_by("-seq")
    # One statement, so that an event written this moment is in both or in neither.
    head = (
        ChainHead.objects.filter(pk=1)
        .annotate(last_seq=Subquery(last.values("seq")[:1]), last_hash=Subquery(last.values("hash")[:1]))
        .values_list("seq", "hash", "last_seq", "last_hash")
        .first()
    )
    if head is None:
        return Problem(BEHIND, chain.seq + 1, "The head of the trail is gone.")
    seq, hash, last_seq, last_hash = head
    if seq > (last_seq or chain.seq):
        return Problem(MISSING, (last_seq or chain.seq) + 1, f"The trail ends before its head, {seq}.")
    if last_seq is None:
        same = (seq, hash) == (chain.seq, chain.hash)
        return None if same else Problem(BEHIND, seq + 1, "The head is not where the trail ends.")
    if seq < last_seq or hash != last_hash:
        return Problem(BEHIND, seq + 1, f"The head stands at {seq}, and the last event is {last_seq}.")
    first = AuditEvent.objects.order_by("seq").values_list("seq", flat=True).first() or 1
    rows = AuditEvent.objects.filter(seq__lte=chain.seq).count()
    if rows != chain.seq - first + 1:
        return Problem(
            MISSING, first, f"There are {rows} events from {first} to {chain.seq}: one comes twice."
        )
    return None


def _check_checkpoints(chain: Chain, keys: set[str], known: dict[int, str], report: Report) -> Problem | None:
    """Every checkpoint is signed by a key we trust, and vouches for the very events that are here."""
    good = report.archived
    numbers = checkpoints.numbers()
    for seq in numbers:
        checkpoint = checkpoints.read(seq, keys=keys)
        if checkpoint.wrong:
            return Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq}: {checkpoint.wrong}.")
        if seq < report.archived:
            continue
        here = known.get(seq) or _hash_at(seq)
        if not here and seq > chain.seq:
            words = f"The trail ends at {chain.seq}, but a signed checkpoint vouches for {seq} events."
            return Problem(BEHIND, chain.seq + 1, words)
        if here and here != checkpoint.hash:
            words = (
                f"Event {seq} is not the one its checkpoint vouches for: {good + 1} to {seq} were rewritten."
            )
            return Problem(ALTERED, seq, words)
        good, report.key = seq, str(checkpoint.envelope["checkpoint"]["key"])
    report.checkpoints, report.vouched = len(numbers), good
    if gone := _seen_before(set(numbers), keys):
        seq, at = gone
        return Problem(UNBELIEVABLE, seq, f"The checkpoint at {seq} was there on {at:%d %B %Y}, and is gone.")
    if not numbers and chain.seq:
        report.notes.append("No checkpoint vouches for this trail: only its own hashes were checked.")
    return None


def _hash_at(seq: int) -> str:
    return AuditEvent.objects.filter(pk=seq).values_list("hash", flat=True).first() or ""


def _seen_before(numbers: set[int], keys: set[str]) -> tuple[int, datetime] | None:
    """A checkpoint the last good verification saw that is no longer there. One by another key lies in another folder."""
    last = AuditEvent.objects.filter(action="audit.verified", outcome="ok").order_by("-seq").first()
    if last is None or last.after.get("key") not in keys:
        return None
    seen = last.after.get("checkpoint", 0)
    return (seen, last.recorded_at) if seen and seen not in numbers else None


class _Replay:
    """The state of every submission as its events tell it, with the hash of the body they speak of."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, str]] = {}
        self.first_seen: dict[str, int] = {}

    def take(self, event: dict[str, Any]) -> Problem | None:
        state = STATE_ACTIONS.get(event["action"])
        if state is None or event["object_type"] != "submission":
            return None
        id, body = event["object_id"], event["body_sha256"]
        before = event["before"].get("state", "")
        known = self.states.get(id)
        self.states[id] = (state, body)
        if known is None:
            self.first_seen[id] = event["seq"]
        elif known != (before, body):
            words = f"Event {event['seq']} goes on from {before or 'nothing'}, and submission {id} was {known[0]}."
            return Problem(DIFFERS, event["seq"], words)
        return None


def _check_submissions(replay: _Replay, report: Report) -> Generator[Progress, None, None]:
    """Every submission is in the state its last event says, with the body that was written down at first."""
    total, after = len(replay.states), UUID(int=0)
    while rows := _submissions(after):
        for pk, state, body, body_sha256 in rows:
            told = replay.states.pop(str(pk), None)
            whole = hashlib.sha256(body.encode()).hexdigest() == body_sha256
            if not (whole and told == (state, body_sha256)) and not _is_as_told(
                pk, archived=bool(report.archived)
            ):
                words = f"Submission {pk} is not what its events say."
                report.problem = Problem(DIFFERS, _last_seq(str(pk)), words)
                return
            report.submissions += 1
        after = rows[-1][0]
        yield Progress(report.events, total)
    for id in replay.states:
        # One that was written after its page was read has its row by now.
        if not Submission.objects.filter(pk=id).exists():
            report.problem = Problem(
                DIFFERS, replay.first_seen[id], f"Submission {id} has events and is gone."
            )
            return


def _submissions(after: UUID) -> list[tuple[UUID, str, str, str]]:
    rows = Submission.objects.filter(pk__gt=after).order_by("pk")
    return list(rows.values_list("pk", "state", "body", "body_sha256")[:ROWS_AT_ONCE])


def _is_as_told(id: UUID, *, archived: bool) -> bool:
    """Asked again of one that seemed not to be: it may have moved on meanwhile. One statement sees one moment."""
    told = AuditEvent.objects.filter(
        object_type="submission", object_id=OuterRef("said"), action__in=STATE_ACTIONS
    ).order_by("-seq")
    row = (
        Submission.objects.filter(pk=id)
        .annotate(said=Value(str(id), output_field=CharField()))
        .annotate(
            last=Subquery(told.values("action")[:1]), last_body=Subquery(told.values("body_sha256")[:1])
        )
        .values_list("state", "body", "body_sha256", "last", "last_body")
        .first()
    )
    if row is None:
        return False
    state, body, body_sha256, last, last_body = row
    if hashlib.sha256(body.encode()).hexdigest() != body_sha256:
        return False
    if last is None:
        return archived
    return (STATE_ACTIONS[last], last_body) == (state, body_sha256)


def _last_seq(id: str) -> int:
    events = AuditEvent.objects.filter(object_type="submission", object_id=id).order_by("-seq")
    return events.values_list("seq", flat=True).first() or 0


# Nightly, and what becomes of a finding


def conclude(report: Report, *, by: Actor, clock: Clock) -> None:
    """Write down what a verification found; a failure is an alert, which the next good one ends."""
    problem = report.problem
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action="audit.verified",
            object_type="trail",
            outcome="failed" if problem else "ok",
            reason_code=str(report.code) if problem else "",
            reason_text=problem.words if problem else "",
            change=Change(
                after={
                    "events": report.events,
                    "last_seq": report.last_seq,
                    "checkpoint": report.vouched,
                    "checkpoints": report.checkpoints,
                    "submissions": report.submissions,
                }
                | ({"key": report.key} if report.key else {})
                | ({"first_bad": problem.seq} if problem else {})
            ),
        )
        if problem:
            text = f"The audit trail is not what it was: {problem.words} Run manage.py verify_audit and tell compliance."
            alerts.open_alert(CAUSE, text, clock=clock)
        else:
            alerts.close_alert(CAUSE, clock=clock)


_guard = threading.Lock()
_under_way: dict[str, tuple[int, Verification]] = {}


def verify_due(*, worker: Actor, clock: Clock) -> Report | None:
    """Verify nightly, a second or so a round, so that sending never waits for it. The report when it has just ended."""
    name = worker.display.rpartition(":")[0] or worker.display
    if name not in _under_way and not _is_due(clock):
        return None
    # Rounds of one process may overlap; one of them is enough.
    if not _guard.acquire(blocking=False):
        return None
    try:
        return _go_on(name, worker, clock)
    finally:
        _guard.release()


def _is_due(clock: Clock) -> bool:
    now = clock.now()
    row, _ = Lease.objects.get_or_create(pk=LEASE, defaults={"until": now + FIRST_AFTER})
    return row.until is None or row.until <= now


def _go_on(name: str, worker: Actor, clock: Clock) -> Report | None:
    fence, steps = _under_way.pop(name, (0, None))
    if steps is None or not running.renew_lease(
        LEASE, owner=name, fence=fence, seconds=LEASE_SECONDS, clock=clock
    ):
        taken = running.take_lease(LEASE, owner=name, seconds=LEASE_SECONDS, clock=clock)
        if taken is None:
            return None
        fence, steps = taken, verification()
    until = clock.monotonic() + SLICE_SECONDS
    try:
        while clock.monotonic() <= until:
            next(steps)
    except StopIteration as ended:
        report: Report = ended.value
        conclude(report, by=worker, clock=clock)
        rest = (next_night(clock.now()) - clock.now()).total_seconds()
        running.renew_lease(LEASE, owner=name, fence=fence, seconds=rest, clock=clock)
        return report
    _under_way[name] = (fence, steps)
    return None


def next_night(now: datetime) -> datetime:
    """The next two o'clock of the firm's zone."""
    local = timezone.localtime(now)
    tonight = timezone.make_aware(datetime.combine(local.date(), NIGHT))
    return (
        tonight
        if tonight > now
        else timezone.make_aware(datetime.combine(local.date() + timedelta(days=1), NIGHT))
    )
