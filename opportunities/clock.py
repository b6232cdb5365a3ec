"""Time, handed to whoever needs it, so that a test or a simulation can control it.

Actions never ask `datetime.now()` or `time.sleep()` themselves: they are handed a `Clock`.

**A wall clock may be set, forward or back, by hours.** Three rules keep that from doing harm:

* A stored time is compared with now by `is_due` (or `due_condition` in a query), which is told how far ahead
  such a time can lie when it is stored. What lies further ahead was stored before the clock was set back, and
  is due.
* A round of work measures with a `SteadyClock`, which compares the wall clock with monotonic time and ends
  the round when it jumped. The next round handles the jump before it does anything else.
* What is to be in order is numbered, or ordered by what Slant says, and not by our clock.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db import connection
from django.db.models import Q

# How far apart the clocks of two machines, or of wall and monotonic time, may be without a jump.
CLOCKS_DIFFER = timedelta(seconds=30)


class Clock(Protocol):
    """What actions know of time. `now` is UTC; `monotonic` is seconds that never step back."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The clock of a database server, on which several machines agree; with SQLite the machine's.

    For what is written and decided. Pages that only show how old something is use Django's `timezone.now()`.
    """

    def now(self) -> datetime:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                row = cursor.fetchone()
                moment: datetime = row[0]
                return moment
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ClockJumped(Exception):
    """The wall clock moved against monotonic time, so nothing more is decided by it in this round."""


class SteadyClock:
    """The clock of one round of work, or of a command: `now` raises `ClockJumped` once the wall clock jumped.

    Whoever only writes down what happened may use the clock it watches (`unwatched`).
    """

    def __init__(self, watched: Clock) -> None:
        self.watched = watched
        before, self._then, after = watched.monotonic(), watched.now(), watched.monotonic()
        self._not_before, self._not_after = before, after

    def now(self) -> datetime:
        before = self.watched.monotonic()
        now = self.watched.now()
        # The process may sleep between two readings, so each is known only to lie between two others.
        least = timedelta(seconds=before - self._not_after) - CLOCKS_DIFFER
        most = timedelta(seconds=self.watched.monotonic() - self._not_before) + CLOCKS_DIFFER
        if not least <= now - self._then <= most:
            raise ClockJumped
        return now

    def monotonic(self) -> float:
        return self.watched.monotonic()

    def sleep(self, seconds: float) -> None:
        self.watched.sleep(seconds)


def unwatched(clock: Clock) -> Clock:
    """The clock that a `SteadyClock` watches, for what must be written down even after a jump."""
    return clock.watched if isinstance(clock, SteadyClock) else clock


def is_due(at: datetime | None, now: datetime, *, longest: timedelta) -> bool:
    """Whether the stored time `at` has come. A time that is not set has.

    `longest` is how far ahead such a time can lie when it is stored. One that lies further ahead was stored
    before the clock was set back: nobody knows when it comes, so it is taken to be now.
    """
    return at is None or not now < at <= now + longest + CLOCKS_DIFFER


def due_condition(field: str, now: datetime, *, longest: timedelta) -> Q:
    """The same for a column: the rows whose `field` has come. A column that is not set has not."""
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + longest + CLOCKS_DIFFER})
