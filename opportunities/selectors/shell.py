"""What every page shows around its content: how fresh the data is, what waits, what needs a manager."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery

from opportunities import mirror
from opportunities.mirror import interval_seconds
from opportunities.models import Alert, Budget, Hold, Person, State, Submission, SyncState, UnreadableRecord
from opportunities.runtime import heartbeats
from opportunities.wording import shell as shell_words
from opportunities.wording import submissions as submissions_words

NEWS_AT_ONCE = 5
ALERTS_SHOWN = 5
WORKER_ALERTS = ("no_worker", "rounds_fail")
FRESH, AMBER, RED = "fresh", "amber", "red"

# What pages are drawn from. Without the first three nobody can fill in a form; deals may still be on their
# way.
NEEDED = ("books", "pipelines", "households")
DEALS = "opportunities"
WATCHED = (*NEEDED, DEALS)
LEVELS = (FRESH, AMBER, RED)


@dataclass(frozen=True)
class Stamp:
    """How old the data on the page is. `synced_at` is None while no first sync has come in.

    `loading` says how far a first load of deals has come, in words; `partial` that Slant does not list them
    all; `unreadable` how many records cannot be read whole, in words; `why_failing` what failed. `is_read` is
    whether anybody reads Slant at all. In `amber_in` and `red_in` seconds it will be late if nothing is read.
    """

    synced_at: datetime | None
    age: timedelta
    level: str
    failing: bool = False
    loading: str = ""
    partial: bool = False
    unreadable: str = ""
    why_failing: str = ""
    is_read: bool = True
    amber_in: int = 0
    red_in: int = 0

    @property
    def seconds(self) -> int:
        return int(self.age.total_seconds())

    @property
    def recent(self) -> str:
        """The age in words, up to an hour; after that the time of day says more."""
        seconds = self.seconds
        if seconds < 60:
            return f"{seconds} s ago"
        if seconds < 3600:
            return f"{seconds // 60} min ago"
        return ""


@dataclass(frozen=True)
class News:
    """One of the person's submissions that was held, unknown or in review, and now has a final state."""

    id: UUID
    text: str
    good: bool


@dataclass(frozen=True)
class ShellStatus:
    """`silent_since` is since when no worker works; `more_alerts` counts those beside `alerts`."""

    stamp: Stamp
    waiting: int = 0
    held: bool = False
    silent_since: datetime | None = None
    alerts: list[Alert] = field(default_factory=list)
    more_alerts: int = 0
    news: list["News"] = field(default_factory=list)


def shell_status(person: Person, now: datetime) -> ShellStatus:
    """One query, and one more each for news and alerts while there are any. Every page pays for it."""
    own = Submission.objects.of(person)
    waiting = own.open().order_by().values("person").annotate(count=Count("pk")).values("count")
    rows = list(
        watched().annotate(
            held=Exists(Hold.objects.all()),
            waiting=Subquery(waiting),
            told_all=~Exists(own.filter(told=False)),
            alarmed=Exists(Alert.objects.filter(closed_at=None)),
            odd=_count_unreadable(OuterRef("pk")),
            worked_at=Subquery(heartbeats.completions(now)[:1]),
        )
    )
    alarmed = person.is_manager and any(row.alarmed for row in rows)
    alerts = list(Alert.objects.filter(closed_at=None)) if alarmed else []
    silent_since = heartbeats.silent_since(rows[0].worked_at, now) if rows else None
    return ShellStatus(
        stamp=_unread(stamp(rows, now)) if silent_since else stamp(rows, now),
        waiting=max((row.waiting or 0 for row in rows), default=0),
        held=any(row.held for row in rows),
        news=[] if all(row.told_all for row in rows) else _news(person),
        # An alert says more of it.
        silent_since=None if any(alert.cause in WORKER_ALERTS for alert in alerts) else silent_since,
        alerts=alerts[:ALERTS_SHOWN],
        more_alerts=len(alerts[ALERTS_SHOWN:]),
    )


def watched() -> QuerySet[SyncState]:
    """What `stamp` needs: how the lists were read, and when Slant last answered after a silence."""
    answered_at = Budget.objects.values("answered_at")[:1]
    rows = SyncState.objects.filter(pk__in=WATCHED).defer("walk")
    return rows.annotate(answered_at=Subquery(answered_at))


def _count_unreadable(resource: OuterRef) -> Subquery:
    records = UnreadableRecord.objects.filter(resource=resource).order_by().values("resource")
    return Subquery(records.annotate(count=Count("pk")).values("count"))


def _unread(fresh_stamp: Stamp) -> Stamp:
    """No worker reads Slant, so even fresh data will be old soon."""
    return replace(fresh_stamp, is_read=False, level=max(fresh_stamp.level, AMBER, key=LEVELS.index))


def _news(person: Person) -> list[News]:
    rows = Submission.objects.of(person).filter(told=False).order_by("settled_at")[:NEWS_AT_ONCE]
    return [
        News(
            row.pk,
            submissions_words.endings(row.kind).news[row.state].format(name=row.name),
            row.state == State.CONFIRMED,
        )
        for row in rows
    ]


def stamp(rows: Sequence[SyncState], now: datetime) -> Stamp:
    """The oldest of `rows` decides, measured by its own pace. A failing one makes the stamp red."""
    states_by_resource = {row.pk: row for row in rows}
    complete_states = _read_once(states_by_resource, NEEDED)
    if len(complete_states) < len(NEEDED):
        return Stamp(synced_at=None, age=timedelta(0), level=RED)
    complete_states += _read_once(states_by_resource, (DEALS,))
    deals = states_by_resource.get(DEALS)
    loading, partial = _loading(deals), bool(deals and deals.cursor.get("partial"))
    oldest = min(_as_of(row) for row in complete_states)
    failing = any(map(_is_failing, rows))
    levels = [
        RED if failing else FRESH,
        AMBER if loading or partial else FRESH,
        *_levels(complete_states, now),
    ]
    return Stamp(
        synced_at=oldest,
        age=max(now - oldest, timedelta(0)),
        level=max(levels, key=LEVELS.index),
        failing=failing,
        loading=loading,
        partial=partial,
        unreadable=_unreadable(rows),
        why_failing=shell_words.failing(
            {kind for row in rows for kind in mirror.ANSWERS if kind in row.cursor}
        ),
        amber_in=min(_seconds_left(row, now, AMBER) for row in complete_states),
        red_in=min(_seconds_left(row, now, RED) for row in complete_states),
    )


def _read_once(states_by_resource: dict[str, SyncState], names: Iterable[str]) -> list[SyncState]:
    """Those of `names` that were read whole at least once."""
    return [
        states_by_resource[name]
        for name in names
        if name in states_by_resource and states_by_resource[name].finished_at
    ]


def _unreadable(rows: Sequence[SyncState]) -> str:
    """How many records of these lists cannot be read whole, in words; empty if there are none."""
    return shell_words.unreadable({row.pk: getattr(row, "odd", None) or 0 for row in rows}, DEALS)


def _loading(deals: SyncState | None) -> str:
    """How far the first load of deals has come, in words; empty once it is done."""
    if deals and deals.finished_at:
        return ""
    return shell_words.first_load(deals.cursor.get("progress") if deals else None)


def _is_failing(row: SyncState) -> bool:
    """Whether the last pass failed, and Slant has given no good answer since.

    A pass that succeeds clears `failed_at`. One that Slant answered with something else than a list fails
    until it succeeds, whatever else Slant answers.
    """
    if not (row.failed_at and row.finished_at):
        return False
    answered_at: datetime | None = getattr(row, "answered_at", None)
    return bool(_answers(row)) or answered_at is None or answered_at < row.failed_at


def _why_failing(rows: Sequence[SyncState]) -> str:
    return shell_words.failing({kind for row in rows for kind in _answers(row)})


def _answers(row: SyncState) -> list[str]:
    """What Slant answered the last pass with instead of a list; empty when it gave no answer."""
    return [kind for kind in mirror.ANSWERS if kind in row.cursor]


def _as_of(row: SyncState) -> datetime:
    """When the last whole pass began: what Slant said later is not in it."""
    assert row.finished_at is not None  # noqa: S101 - the caller looked
    began = row.cursor.get("as_of")
    return min(datetime.fromisoformat(began), row.finished_at) if began else row.finished_at


def _levels(rows: Iterable[SyncState], now: datetime) -> list[str]:
    return [_level(now - _as_of(row), interval_seconds(row)) for row in rows]


def _level(age: timedelta, expected: float) -> str:
    limits = _limits(expected)
    return next((level for level in (RED, AMBER) if age.total_seconds() > limits[level]), FRESH)


def _limits(expected: float) -> dict[str, float]:
    """Amber above twice the expected age, red above four times; never before 3 and 15 minutes."""
    return {AMBER: max(2 * expected, 3 * 60), RED: max(4 * expected, 15 * 60)}


def _seconds_left(row: SyncState, now: datetime, level: str) -> int:
    """How long until a list not read again reaches `level`."""
    seconds = _limits(interval_seconds(row))[level] - (now - _as_of(row)).total_seconds()
    return max(math.ceil(seconds), 0)
