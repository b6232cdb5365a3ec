"""Time, handed to whoever needs it, so that a test or a simulation can control it.

Actions never ask `datetime.now()` or `time.sleep()` themselves: they are handed a `Clock`.
"""

import time
from datetime import UTC, datetime
from typing import Protocol

from django.db import connection


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
