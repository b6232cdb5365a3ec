"""Counts of what workers did: collected in memory, and added to the database once a round.

So a count costs a worker no statement of its own. A process that dies loses the counts of its last round.
"""

from collections import Counter
from threading import Lock

from django.db import Error, connection, transaction

from opportunities.models import EventCount

SLANT_CALLS, FAILED_ROUNDS = "slant_calls", "failed_rounds"

# One statement, so that two workers never read the same number.
_ADD = """
INSERT INTO opportunities_eventcount (name, outcome, times) VALUES (%s, %s, %s)
ON CONFLICT (name, outcome) DO UPDATE SET times = opportunities_eventcount.times + excluded.times
"""
_lock = Lock()
_collected: Counter[tuple[str, str]] = Counter()


def add(name: str, outcome: str = "") -> None:
    """Count one event in memory, until `store`."""
    with _lock:
        _collected[name, outcome] += 1


def store() -> None:
    """Add what was collected to the database. What it does not take is kept for the next call."""
    with _lock:
        collected = sorted(_collected.items())
        _collected.clear()
    if not collected:
        return
    try:
        # Sorted, so that two workers never wait for each other.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_ADD, [(*event, times) for event, times in collected])
    except Error:
        with _lock:
            _collected.update(dict(collected))


def counts(name: str) -> dict[str, int]:
    """How often `name` happened, by outcome."""
    return dict(EventCount.objects.filter(name=name).order_by("outcome").values_list("outcome", "times"))
