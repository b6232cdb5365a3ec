"""What every page shows around its content: how fresh Slant's data is, what waits, what a manager must know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists

from opportunities import wording
from opportunities.models import Alert, Hold, Person, State, Submission, SyncState

NEWS_AT_ONCE = 5
FRESH, AMBER, RED = "fresh", "amber", "red"

# What the pages of today are drawn from; each is synced in one pass with the others.
WATCHED = ("books", "pipelines", "households")


@dataclass(frozen=True)
class Stamp:
    """How old the data on the page is. `synced_at` is None while no first sync has come in."""

    synced_at: datetime | None
    age: timedelta
    level: str
    failing: bool = False

    @property
    def recent(self) -> str:
        """The age in words, up to an hour; after that the time of day says more."""
        seconds = int(self.age.total_seconds())
        if seconds < 60:
            return f"{seconds} s ago"
        if seconds < 3600:
            return f"{seconds // 60} min ago"
        return ""


@dataclass(frozen=True)
class News:
    """Something of one's own that was held, in doubt or in review, and now has its end."""

    id: UUID
    text: str
    good: bool


@dataclass(frozen=True)
class Surroundings:
    stamp: Stamp
    waiting: int = 0
    held: bool = False
    alerts: list[Alert] = field(default_factory=list)
    news: list["News"] = field(default_factory=list)


def surroundings(person: Person, now: datetime) -> Surroundings:
    """Three queries, four for managers."""
    rows = list(SyncState.objects.filter(pk__in=WATCHED).annotate(held=Exists(Hold.objects.all())))
    return Surroundings(
        stamp=stamp(rows, now),
        waiting=Submission.objects.of(person).open().count(),
        held=any(row.held for row in rows),
        news=_news(person),
        alerts=list(Alert.objects.filter(closed_at=None)[:5]) if person.is_manager else [],
    )


def _news(person: Person) -> list[News]:
    rows = Submission.objects.of(person).filter(told=False).order_by("settled_at")[:NEWS_AT_ONCE]
    return [
        News(
            row.pk, wording.news(row.name, row.kind, row.state, row.reason_code), row.state == State.CONFIRMED
        )
        for row in rows
    ]


def stamp(rows: Sequence[SyncState], now: datetime) -> Stamp:
    """The oldest of `rows` decides, and any failing one makes it red (docs/architecture.md, freshness)."""
    finished = [row.finished_at for row in rows if row.finished_at]
    if not finished or len(finished) < len(WATCHED):
        return Stamp(synced_at=None, age=timedelta(0), level=RED)
    oldest = min(finished)
    age = max(now - oldest, timedelta(0))
    failing = any(row.failed_at and row.finished_at and row.failed_at > row.finished_at for row in rows)
    expected = max(settings.SYNC_SECONDS, 1)
    if failing or age.total_seconds() > max(4 * expected, 15 * 60):
        level = RED
    elif age.total_seconds() > max(2 * expected, 3 * 60):
        level = AMBER
    else:
        level = FRESH
    return Stamp(synced_at=oldest, age=age, level=level, failing=failing)
