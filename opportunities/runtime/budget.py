"""The hourly budget of calls to Slant: one row for all processes, changed in one transaction.

Slant allows 1,000 calls an hour a token (Slant API 5). We use SLANT_HOURLY_BUDGET of them, and never more in
any rolling hour. Calls are counted by minute; the current minute and the 61 before it are summed. So neither
a half-counted minute nor a slow exchange can make an hour of Slant's hold more calls than ours. Whatever
the clock is set to, no counted call leaves the window early: those of a minute ahead count as made now, and
a worker that sees the clock jump, or that nobody watched it, counts all of them anew before it calls.

People go first. They may use all but 60 calls, and checks of lost answers leave 100 free. Background sync
leaves 400 free and always has 60. Its walks over all deals leave 500 free and always have 40, so that they
never keep a changed deal or a changed access right from being read (reliability: sync and mirror rules).

**How all processes back off.** What Slant asks for (`Retry-After` of a 429 or a 503) is obeyed by everybody,
for an hour at most. A 429 without it is the case of Slant API 5: 60 s, doubling with each further one in a
row. Up to half as much again is added at random, so that several installations do not return in step. The
shorter waits of reliability 5 (1 s to 60 s) are for what is not a 429: `delivery.answers` applies them before
Slant is tried again. Failed reads are counted apart and pause background reads alone. Any success clears both
counts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import SystemRandom

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock, is_due
from opportunities.models import Budget
from opportunities.slant import errors

WINDOW_MINUTES = 62
RECENT_MINUTES = 5
DEFAULT_BUDGET = 900
MINIMUM_BUDGET = 200
GUARANTEED_FOR_SYNC = 60
GUARANTEED_FOR_WALKS = 40
BACKOFF_START_SECONDS = 60
BACKOFF_JITTER = 0.5
BACKOFF_CAP_SECONDS = 3600
BREAKER_FAILURES = 5
BREAKER_START_SECONDS = 30
BREAKER_CAP_SECONDS = 300
LONGEST_WAIT = timedelta(minutes=10)
_random = SystemRandom()


class Share(Enum):
    """Who calls, and how many calls of the hour they must leave to others."""

    PEOPLE = 60
    CHECKS = 100
    SYNC = 400
    WALKS = 500


# Calls of an hour that background reading may always make, however many people make.
GUARANTEED_CALLS = {Share.SYNC: GUARANTEED_FOR_SYNC, Share.WALKS: GUARANTEED_FOR_WALKS}


class BudgetSpent(Exception):
    """No call may be made before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no call to Slant before {until:%H:%M:%S}")
        self.until = until


@dataclass(frozen=True)
class Meter:
    """Called by the client before each request: takes one call of `share`, or raises `BudgetSpent`."""

    share: Share
    clock: Clock

    def __call__(self) -> None:
        take(self.share, calls=1, clock=self.clock)


def take(share: Share, *, calls: int, clock: Clock) -> None:
    """Count `calls` now, or raise `BudgetSpent` and count nothing. Joins the caller's transaction."""
    with transaction.atomic():
        row = _locked()
        now = clock.now()
        _drop_old_minutes(row, now)
        if busy_until := _still_ahead(row.busy_until, now, BACKOFF_CAP_SECONDS):
            raise BudgetSpent(busy_until)
        rest_until = _still_ahead(row.reads_rest_until, now, BREAKER_CAP_SECONDS)
        if rest_until and share is not Share.PEOPLE:
            raise BudgetSpent(rest_until)
        if not _fits(row, share, calls):
            raise BudgetSpent(_available_at(row, share, calls, now))
        _count(row, calls, now)
        if share in GUARANTEED_CALLS:
            minute = str(_minute(now))
            row.sync_minutes[minute] = row.sync_minutes.get(minute, 0) + calls
        row.save()


def limit_of(share: Share) -> int:
    """The total of the hour that a call of `share` may bring about.

    Background shares shrink with a budget below the default of 900. Below MINIMUM_BUDGET too few calls would
    be left for lost answers, so a system check refuses to start.
    """
    most = max(0, int(settings.SLANT_HOURLY_BUDGET))
    if share in GUARANTEED_CALLS and most < DEFAULT_BUDGET:
        return most - most * share.value // DEFAULT_BUDGET
    return max(0, most - share.value)


def calls_left(clock: Clock) -> int:
    """Calls left of the hour, whoever may use them."""
    row = Budget.objects.get(pk=1)
    _drop_old_minutes(row, clock.now())
    used: int = sum(row.minutes.values())
    return max(0, int(settings.SLANT_HOURLY_BUDGET) - used)


def is_paused(clock: Clock) -> bool:
    """Whether calls are refused because Slant fails or asked for a pause, not because the hour is spent."""
    row, now = Budget.objects.get(pk=1), clock.now()
    pauses = ((row.busy_until, BACKOFF_CAP_SECONDS), (row.reads_rest_until, BREAKER_CAP_SECONDS))
    return any(_still_ahead(until, now, longest) for until, longest in pauses)


def back_off(retry_after: float | None, *, clock: Clock) -> datetime:
    """Slant answered 429: nobody calls before the returned time (see the module for how long that is).

    A 429 that arrives during such a pause answers an earlier call, so it is not counted as one more in a row.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        if _still_ahead(row.busy_until, now, BACKOFF_CAP_SECONDS) is None:
            row.busy_in_a_row += 1
        wait = retry_after
        if wait is None:
            doubled = BACKOFF_START_SECONDS * 2.0 ** min(max(row.busy_in_a_row, 1) - 1, 6)
            wait = doubled * _random.uniform(1, 1 + BACKOFF_JITTER)
        until = _pause(row, wait, now)
        row.save()
    return until


def record_read_failure(*, clock: Clock, retry_after: float | None = None) -> None:
    """A background read failed. After five in a row reads pause for 30 s, doubling to 300 s.

    Then one read is tried. `retry_after` is the pause Slant asked for, if it did; everybody obeys it.
    """
    with transaction.atomic():
        row = _locked()
        if retry_after is not None:
            _pause(row, retry_after, clock.now())
        row.failures += 1
        over = row.failures - BREAKER_FAILURES
        if over >= 0:
            rest = min(BREAKER_START_SECONDS * 2 ** min(over, 4), BREAKER_CAP_SECONDS)
            row.reads_rest_until = clock.now() + timedelta(seconds=rest)
        row.save()


def record_failure(error: errors.SlantError, *, clock: Clock) -> None:
    """Apply what a failed background read means for later calls; a refusal changes nothing."""
    if isinstance(error, errors.SlantBusy):
        back_off(error.retry_after, clock=clock)
    elif isinstance(error, (errors.SlantUnreachable, errors.SlantNoAnswer)):
        record_read_failure(clock=clock, retry_after=error.retry_after)


def pause(seconds: float, *, clock: Clock) -> None:
    """Slant said without a 429 when to come back: nobody calls before."""
    with transaction.atomic():
        row = _locked()
        _pause(row, seconds, clock.now())
        row.save()


def _pause(row: Budget, seconds: float, now: datetime) -> datetime:
    until = now + timedelta(seconds=min(max(seconds, 1), BACKOFF_CAP_SECONDS))
    row.busy_until = max(until, _still_ahead(row.busy_until, now, BACKOFF_CAP_SECONDS) or until)
    return row.busy_until


def _still_ahead(until: datetime | None, now: datetime, longest: int) -> datetime | None:
    """The end of a pause of at most `longest` seconds; None if it is over, or never began."""
    return None if is_due(until, now, longest=timedelta(seconds=longest)) else until


def handle_clock_jump(*, clock: Clock) -> None:
    """The counted minutes no longer match the clock, so all calls of the hour count as made now.

    When a requested pause ends is not known any more, so Slant is asked again in a minute.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        for counted in (row.minutes, row.sync_minutes):
            calls = sum(counted.values())
            counted.clear()
            if calls:
                counted[str(_minute(now))] = calls
        if row.busy_until:
            row.busy_until = now + timedelta(seconds=BACKOFF_START_SECONDS)
        row.reads_rest_until = None
        row.save()


def restart_window(*, clock: Clock) -> None:
    """Nobody watched the clock since the last call, so it is taken to be made now, and the others before it.

    Otherwise a clock set forward meanwhile would make the calls of the last minutes seem long past.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        if not row.minutes:
            return
        later = _minute(now) - max(map(int, row.minutes))
        row.minutes = {str(int(minute) + later): calls for minute, calls in row.minutes.items()}
        row.sync_minutes = {str(int(minute) + later): calls for minute, calls in row.sync_minutes.items()}
        row.save()


def merge_counts(counted: dict[str, int], *, clock: Clock) -> None:
    """Take over `counted` calls by minute where they are more than ours: an older database replaced ours.

    Calls made after the last count are not among them. So a ninth of the hour's calls is added, which is what
    Slant allows beyond our default budget.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        _drop_old_minutes(row, now)
        theirs = Budget(minutes={})
        for minute, calls in counted.items():
            key = str(min(int(minute), _minute(now)))
            theirs.minutes[key] = theirs.minutes.get(key, 0) + int(calls)
        _drop_old_minutes(theirs, now)
        for minute, calls in theirs.minutes.items():
            row.minutes[minute] = max(calls, row.minutes.get(minute, 0))
        if theirs.minutes:
            _count(row, int(settings.SLANT_HOURLY_BUDGET) // 9, now)
        row.save()


def exhaust(*, clock: Clock) -> None:
    """Count the rest of the hour's calls as made now, because the true number is not known."""
    with transaction.atomic():
        row, now = _locked(), clock.now()
        _drop_old_minutes(row, now)
        _count(row, max(0, int(settings.SLANT_HOURLY_BUDGET) - sum(row.minutes.values())), now)
        row.save()


def has_recent_calls(clock: Clock) -> bool:
    """Whether a call was counted in the last minutes, as it is wherever workers run and Slant answers."""
    minutes = Budget.objects.values_list("minutes", flat=True).get(pk=1)
    return max(map(int, minutes), default=0) > _minute(clock.now()) - RECENT_MINUTES


def _count(row: Budget, calls: int, now: datetime) -> None:
    minute = str(_minute(now))
    row.minutes[minute] = row.minutes.get(minute, 0) + calls


def record_success() -> None:
    """Slant answered: clear the failures and the 429s counted in a row."""
    Budget.objects.filter(pk=1).exclude(failures=0, busy_in_a_row=0, reads_rest_until=None).update(
        failures=0, busy_in_a_row=0, reads_rest_until=None
    )


def _locked() -> Budget:
    return Budget.objects.select_for_update().get(pk=1)


def _available_at(row: Budget, share: Share, calls: int, now: datetime) -> datetime:
    """When enough counted calls have left the window; ten minutes at most, as the budget may be raised."""
    later = Budget(minutes=dict(row.minutes), sync_minutes=dict(row.sync_minutes))
    for minute in sorted(row.minutes, key=int):
        later.minutes.pop(minute)
        later.sync_minutes.pop(minute, None)
        leaves = datetime.fromtimestamp((int(minute) + WINDOW_MINUTES) * 60, UTC)
        if leaves >= now + LONGEST_WAIT:
            break
        if _fits(later, share, calls):
            return leaves
    return now + LONGEST_WAIT


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)


def _drop_old_minutes(row: Budget, now: datetime) -> None:
    """Drop minutes that left the window. Those ahead of a clock that was set back count as this minute."""
    row.minutes = _within_window(row.minutes, _minute(now))
    row.sync_minutes = _within_window(row.sync_minutes, _minute(now))


def _within_window(counted: dict[str, int], this: int) -> dict[str, int]:
    kept: dict[str, int] = {}
    for minute, calls in counted.items():
        if int(minute) > this - WINDOW_MINUTES:
            # One minute ahead is what the clocks of two machines may differ by.
            key = minute if int(minute) <= this + 1 else str(this)
            kept[key] = kept.get(key, 0) + calls
    return kept


def _fits(row: Budget, share: Share, calls: int) -> bool:
    used: int = sum(row.minutes.values()) + calls
    if used <= limit_of(share):
        return True
    own: int = sum(row.sync_minutes.values()) + calls
    return own <= GUARANTEED_CALLS.get(share, 0) and used <= int(settings.SLANT_HOURLY_BUDGET)
