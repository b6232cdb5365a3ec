"""The health of the installation, for `/readyz` and `/metrics`. The only selector without a person:

machines call it, and it returns counts and ages, never data of a deal.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Count, Min, Subquery

from opportunities import mirror
from opportunities.clock import CLOCKS_DIFFER, Clock
from opportunities.delivery import holds
from opportunities.models import (
    FINAL,
    OPEN,
    Alert,
    AlertMail,
    Attempt,
    AuditEvent,
    Budget,
    ChainHead,
    Heartbeat,
    Outcome,
    Submission,
    SyncState,
    UnreadableRecord,
)
from opportunities.runtime import breaker, budget, event_counts, heartbeats, static_files

# The form of a new deal cannot be filled in without these three.
NEEDED = ("books", "pipelines", "households")
# The age at which the stamp on pages is red: four intervals, and at least a quarter of an hour.
SYNC_OLD_SECONDS = 15 * 60
# Pages list the heartbeats of the last hour, because a worker of yesterday is not missing.
HEARTBEATS_SHOWN = timedelta(hours=1)
# A worker that ended leaves the metrics: a new process has another name.
HEARTBEATS_MEASURED = timedelta(minutes=5)
# Errors that show that Slant does not work for us now. A refused field shows that it works.
SLANT_FAILS = (Outcome.UNREACHABLE, Outcome.NO_ANSWER, Outcome.REFUSED_US)


@dataclass(frozen=True)
class Check:
    """One line of `/readyz`: whether it is good, and the age of the data it is based on."""

    ok: bool
    age_s: int | None = None


@dataclass(frozen=True)
class Queue:
    """Submissions that are not settled, by state, and the age of the oldest."""

    counts: dict[str, int] = field(default_factory=lambda: {state.value: 0 for state in OPEN})
    oldest_s: int | None = None


@dataclass(frozen=True)
class Health:
    """The health at one moment. `sync.age_s` is None until a first sync succeeded.

    `unreadable` counts the records that Slant shows and we cannot read whole; `static` is of this process.
    """

    database: Check
    static: Check = Check(ok=True)
    sync: Check = Check(ok=False)
    unreadable: int = 0
    slant: Check = Check(ok=False)
    worker: Check = Check(ok=False)
    trail: Check = Check(ok=False)
    budget_left: int = 0
    queue: Queue = field(default_factory=Queue)
    alerts: dict[str, int] = field(default_factory=dict)
    mails_waiting: int = 0
    held: bool = False
    heartbeats: dict[str, int] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """`unready` only when the pages cannot work.

        When Slant or a worker is down, the web must stay in service.
        """
        if not self.database.ok or self.sync.age_s is None:
            return "unready"
        well = self.sync.ok and self.slant.ok and self.worker.ok and self.trail.ok and self.budget_left > 0
        return "ok" if well and self.static.ok else "degraded"

    def as_json(self) -> dict[str, Any]:
        """As documents and scripts use it; its names are fixed. `static` is included only when it fails."""
        return {
            "status": self.status,
            "checks": {
                "database": {"ok": self.database.ok},
                "sync": {"ok": self.sync.ok, "age_s": self.sync.age_s, "unreadable": self.unreadable},
                "slant": {"ok": self.slant.ok},
                "worker": {"ok": self.worker.ok, "age_s": self.worker.age_s},
                "trail": {"ok": self.trail.ok},
                "budget": {"left": self.budget_left},
                **({} if self.static.ok else {"static": {"ok": False}}),
            },
            "queue": {**self.queue.counts, "oldest_s": self.queue.oldest_s},
        }


@dataclass(frozen=True)
class Totals:
    """What happened since this database exists, for `/metrics` alone."""

    settled: dict[str, int]
    slant_calls: dict[str, int]
    failed_rounds: int


def totals() -> Totals | None:
    """Counts that only grow, or None when the database does not answer."""
    rows = Submission.objects.filter(state__in=FINAL).order_by().values_list("state").annotate(Count("pk"))
    try:
        return Totals(
            settled={state.value: 0 for state in FINAL} | dict(rows),
            slant_calls=event_counts.counts(event_counts.SLANT_CALLS),
            failed_rounds=sum(event_counts.counts(event_counts.FAILED_ROUNDS).values()),
        )
    except DatabaseError:
        return None


def health(clock: Clock) -> Health:
    """The present health. Never raises: a database that does not answer is a result too."""
    try:
        if not is_migrated():
            return Health(database=Check(ok=False))
        now = clock.now()
        beats = _heartbeats(now)
        return Health(
            database=Check(ok=True),
            static=Check(ok=not static_files.find_uncollected()),
            sync=_sync(now),
            unreadable=UnreadableRecord.objects.count(),
            slant=Check(ok=not breaker.state(now).is_open and _slant_answers(now)),
            worker=_worker(now),
            trail=Check(ok=_trail_is_whole()),
            budget_left=budget.calls_left(clock),
            queue=_queue(now),
            alerts=_open_alerts(now),
            mails_waiting=AlertMail.objects.exclude(due_at=None).count(),
            held=holds.sending_is_held(),
            heartbeats=beats,
        )
    except DatabaseError:
        return Health(database=Check(ok=False))


def is_migrated() -> bool:
    return _migrations() <= MigrationRecorder(connection).applied_migrations().keys()


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """All migrations, read from their files only once, because anybody may call `/readyz` any number of
    times.
    """
    return frozenset(MigrationLoader(None).graph.nodes)


def _sync(now: datetime) -> Check:
    """The sync check: its age is that of the oldest required resource."""
    states = list(SyncState.objects.filter(pk__in=NEEDED).defer("walk"))
    finish_times = [state.finished_at for state in states if state.finished_at is not None]
    if len(finish_times) < len(NEEDED):
        return Check(ok=False)
    age = _seconds(now - min(finish_times))
    expected = max(mirror.interval_seconds(state) for state in states)
    return Check(ok=age <= max(SYNC_OLD_SECONDS, 4 * expected), age_s=age)


def _slant_answers(now: datetime) -> bool:
    """Whether the newest result from Slant is good: a finished sync, or an exchange that Slant answered.

    The first good answer after an outage counts, whichever call received it.
    """
    if holds.sending_is_held():
        return False
    news: list[tuple[datetime, bool]] = []
    for state in SyncState.objects.defer("walk"):
        moment = state.failed_at or state.finished_at
        news += [(moment, state.failed_at is None)] if moment else []
    last = (
        Attempt.objects.exclude(outcome__in=("", Outcome.ABANDONED))
        .filter(finished_at__lte=now + CLOCKS_DIFFER)
        .order_by("-finished_at")
        .values_list("finished_at", "outcome")
        .first()
    )
    answered_at = Budget.objects.values_list("answered_at", flat=True).get(pk=1)
    news += [(answered_at, True)] if answered_at else []
    if last and last[0]:
        news.append((last[0], last[1] not in SLANT_FAILS))
    # A result in the future is from before the clock was set back.
    news = [(moment, good) for moment, good in news if moment <= now + CLOCKS_DIFFER]
    return max(news)[1] if news else False


def _worker(now: datetime) -> Check:
    """The worker check, by the last round that any worker completed. A worker that only begins rounds does no
    work.
    """
    newest = heartbeats.completions(now).first()
    if newest is None:
        return Check(ok=False)
    return Check(ok=now - newest <= heartbeats.SILENT_AFTER, age_s=_seconds(now - newest))


def _heartbeats(now: datetime) -> dict[str, int]:
    recent = Heartbeat.objects.filter(completed_at__gt=now - HEARTBEATS_MEASURED).order_by("worker")
    return {beat.worker: _seconds(now - beat.completed_at) for beat in recent if beat.completed_at}


def _open_alerts(now: datetime) -> dict[str, int]:
    """The causes of open alerts, and for how many seconds each is open."""
    rows = Alert.objects.filter(closed_at=None).order_by("cause").values_list("cause", "opened_at")
    return {cause: _seconds(now - opened_at) for cause, opened_at in rows}


def _trail_is_whole() -> bool:
    """Whether the chain's head is the last event. `manage.py verify_audit` verifies the whole chain."""
    last = AuditEvent.objects.order_by("-seq")
    # One statement, so that both are read at one moment: events may be added between two statements.
    head = (
        ChainHead.objects.annotate(
            last_seq=Subquery(last.values("seq")[:1]), last_hash=Subquery(last.values("hash")[:1])
        )
        .filter(pk=1)
        .first()
    )
    return head is not None and (head.last_seq or 0, head.last_hash or "0" * 64) == (head.seq, head.hash)


def _queue(now: datetime) -> Queue:
    rows = Submission.objects.open().values("state").annotate(number=Count("pk"), oldest=Min("created_at"))
    rows_by_state = {row["state"]: row for row in rows}
    oldest = min((row["oldest"] for row in rows_by_state.values()), default=None)
    counts = {
        state.value: rows_by_state[state.value]["number"] if state.value in rows_by_state else 0
        for state in OPEN
    }
    return Queue(counts=counts, oldest_s=_seconds(now - oldest) if oldest else None)


def _seconds(age: timedelta) -> int:
    return max(0, int(age.total_seconds()))
