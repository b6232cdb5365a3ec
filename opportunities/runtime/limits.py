"""Counts of what people did, in the database, so that every process of every machine adds to the same ones.
No limit fails open:

without the database there is no page either.
"""

from datetime import datetime

from django.db import connection

from opportunities.clock import CLOCKS_DIFFER
from opportunities.models import LimitCount

# One statement, so that two processes never read the same number. The ORM has no upsert that adds.
_ADD = """
INSERT INTO opportunities_limitcount (key, times, ends_at) VALUES (%s, %s, %s)
ON CONFLICT (key) DO UPDATE SET times = opportunities_limitcount.times + excluded.times
RETURNING times
"""

_HOLD = """
INSERT INTO opportunities_limitcount (key, times, ends_at) VALUES (%s, 1, %s)
ON CONFLICT (key) DO UPDATE SET ends_at = excluded.ends_at
WHERE opportunities_limitcount.ends_at <= %s OR opportunities_limitcount.ends_at > %s
RETURNING times
"""


def add(key: str, *, ends_at: datetime, times: int = 1) -> int:
    """Add `times` to the count of `key` and return the sum. The count may be deleted after `ends_at`."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [key, times, connection.ops.adapt_datetimefield_value(ends_at)])
        (sum_of_all,) = cursor.fetchone() or (times,)
    return int(sum_of_all)


def hold(key: str, *, now: datetime, until: datetime) -> bool:
    """Hold `key` alone until `until`. False while somebody else holds it.

    A key held for longer than the limit was taken before the clock was set back.
    """
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [key, adapt(until), adapt(now), adapt(until + CLOCKS_DIFFER)])
        return cursor.fetchone() is not None


def release(key: str) -> None:
    LimitCount.objects.filter(pk=key).delete()


def remove_ended(now: datetime) -> int:
    """Remove the counts whose window is over. Returns how many there were."""
    removed, _ = LimitCount.objects.filter(ends_at__lt=now).delete()
    return removed
