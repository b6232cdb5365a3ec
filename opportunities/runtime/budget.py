"""The shared hourly budget of calls to Slant: one row, changed in one transaction, for all processes
together.

Slant allows 1,000 calls an hour a token (Slant API 5); we use SLANT_HOURLY_BUDGET of them and never more in
any rolling hour. Calls are counted by minute; the current minute and the 61 before it are summed, so that
neither a half-counted minute nor a slow exchange can make an hour of Slant's hold more than ours.

People go first: they may use all but 60, checks of lost answers leave 100 free, background sync leaves 400
free and always has 60 (reliability: sync and mirror rules). Its long walks over all deals leave 500 free and
always have 40, so that they never keep a change, or a change of who may see what, from being read.

**How we back off.** What Slant asks for (`Retry-After`, of a 429 or of a 503) is obeyed by everybody, for an hour at most.
A 429 that does not say is the case of Slant API 5: 60 s, doubling with each further one in a row, and up to half as much
again by chance, so that houses do not come back in step. The shorter waits of reliability 5 (1 s to 60 s) are for what
is not a 429: `delivery` waits so before it tries again to reach Slant. Failures of reading are counted apart, and rest
background reading alone; any success forgets both.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from random import SystemRandom

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.models import Budget
from opportunities.slant import errors

WINDOW_MINUTES = 62
LATELY_MINUTES = 5
USUAL_BUDGET = 900
LEAST_BUDGET = 200
ALWAYS_FOR_SYNC = 60
ALWAYS_FOR_WALKS = 40
BACKOFF_START_SECONDS = 60
BACKOFF_JITTER = 0.5
BACKOFF_CAP_SECONDS = 3600
BREAKER_FAILURES = 5
BREAKER_START_SECONDS = 30
BREAKER_CAP_SECONDS = 300
ASK_AGAIN = timedelta(minutes=10)
_chance = SystemRandom()


class Share(Enum):
    """Who wants to call, and how many calls of the hour they must leave to others."""

    PEOPLE = 60
    CHECKS = 100
    SYNC = 400
    WALKS = 500


# What background reading may have in any hour, however busy people are.
OF_SYNC = {Share.SYNC: ALWAYS_FOR_SYNC, Share.WALKS: ALWAYS_FOR_WALKS}


class BudgetSpent(Exception):
    """No call may be made before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no call to Slant before {until:%H:%M:%S}")
        self.until = until


@dataclass(frozen=True)
class Meter:
    """What the client calls before each request: takes one call of `share`, or raises `BudgetSpent`."""

    share: Share
    clock: Clock

    def __call__(self) -> None:
        take(self.share, calls=1, clock=self.clock)


def take(share: Share, *, calls: int, clock: Clock) -> None:
    """Count `calls` now, or raise `BudgetSpent` and count nothing. Joins the caller's transaction."""
    with transaction.atomic():
        row = _locked()
        now = clock.now()
        _forget_old(row, now)
        if row.busy_until and row.busy_until > now:
            raise BudgetSpent(row.busy_until)
        if share is not Share.PEOPLE and row.reads_rest_until and row.reads_rest_until > now:
            raise BudgetSpent(row.reads_rest_until)
        if not _fits(row, share, calls):
            raise BudgetSpent(_free_at(row, share, calls, now))
        _count(row, calls, now)
        if share in OF_SYNC:
            minute = str(_minute(now))
            row.sync_minutes[minute] = row.sync_minutes.get(minute, 0) + calls
        row.save()


def may_use(share: Share) -> int:
    """Calls of the hour `share` may bring the total to. Background shares shrink with a budget below the
    usual 900.

    Below LEAST_BUDGET too little would be left for looking after lost answers: a system check refuses to
    start so.
    """
    most = max(0, int(settings.SLANT_HOURLY_BUDGET))
    if share in OF_SYNC and most < USUAL_BUDGET:
        return most - most * share.value // USUAL_BUDGET
    return max(0, most - share.value)


def left(clock: Clock) -> int:
    """Calls left of the hour, whoever may use them."""
    row = Budget.objects.get(pk=1)
    _forget_old(row, clock.now())
    used: int = sum(row.minutes.values())
    return max(0, int(settings.SLANT_HOURLY_BUDGET) - used)


def slant_is_away(clock: Clock) -> bool:
    """Whether calls are refused because Slant does not answer or asked for quiet, not because the hour is
    spent.
    """
    row, now = Budget.objects.get(pk=1), clock.now()
    return any(until is not None and until > now for until in (row.busy_until, row.reads_rest_until))


def slow_down(retry_after: float | None, *, clock: Clock) -> datetime:
    """Slant answered 429: nobody calls before the returned time (the module says how long that is).

    Those that come while we wait already are answers to calls made before, and not one more in a row.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        if row.busy_until is None or row.busy_until <= now:
            row.busy_in_a_row += 1
        wait = retry_after
        if wait is None:
            doubled = BACKOFF_START_SECONDS * 2.0 ** min(max(row.busy_in_a_row, 1) - 1, 6)
            wait = doubled * _chance.uniform(1, 1 + BACKOFF_JITTER)
        until = _leave_alone(row, wait, now)
        row.save()
    return until


def read_failed(*, clock: Clock, retry_after: float | None = None) -> None:
    """A background read failed. After five in a row no reads for 30 s, doubling to 300 s, then one probe.

    `retry_after` is how long Slant asked to be left alone, if it did: by everybody.
    """
    with transaction.atomic():
        row = _locked()
        if retry_after is not None:
            _leave_alone(row, retry_after, clock.now())
        row.failures += 1
        over = row.failures - BREAKER_FAILURES
        if over >= 0:
            rest = min(BREAKER_START_SECONDS * 2 ** min(over, 4), BREAKER_CAP_SECONDS)
            row.reads_rest_until = clock.now() + timedelta(seconds=rest)
        row.save()


def failed(error: errors.SlantError, *, clock: Clock) -> None:
    """What the failure of a background read means for the calls to come. A refusal is an answer, and means
    nothing.
    """
    if isinstance(error, errors.SlantBusy):
        slow_down(error.retry_after, clock=clock)
    elif isinstance(error, (errors.SlantUnreachable, errors.SlantNoAnswer)):
        read_failed(clock=clock, retry_after=error.retry_after)


def leave_alone(seconds: float, *, clock: Clock) -> None:
    """Slant said, without a 429, when to come back: nobody calls before."""
    with transaction.atomic():
        row = _locked()
        _leave_alone(row, seconds, clock.now())
        row.save()


def _leave_alone(row: Budget, seconds: float, now: datetime) -> datetime:
    until = now + timedelta(seconds=min(max(seconds, 1), BACKOFF_CAP_SECONDS))
    row.busy_until = max(until, row.busy_until or until)
    return row.busy_until


def clock_jumped(*, clock: Clock) -> None:
    """The minutes we counted by are no longer those on the clock: take all calls of the hour as made now.

    Nobody can say when the quiet that was asked for ends, so we ask again in a minute.
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


def also_made(counted: dict[str, int], *, clock: Clock) -> None:
    """Take over `counted` calls by minute where they are more than ours: an older database was put in place
    of ours.

    What the last round called after it was counted is not among them, so a ninth of the hour's calls is
    added: as many as Slant allows more than our usual budget.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        _forget_old(row, now)
        theirs = Budget(minutes={})
        for minute, calls in counted.items():
            key = str(min(int(minute), _minute(now)))
            theirs.minutes[key] = theirs.minutes.get(key, 0) + int(calls)
        _forget_old(theirs, now)
        for minute, calls in theirs.minutes.items():
            row.minutes[minute] = max(calls, row.minutes.get(minute, 0))
        if theirs.minutes:
            _count(row, int(settings.SLANT_HOURLY_BUDGET) // 9, now)
        row.save()


def spend_all(*, clock: Clock) -> None:
    """Count the rest of the hour's calls as made now: nobody knows how many were."""
    with transaction.atomic():
        row, now = _locked(), clock.now()
        _forget_old(row, now)
        _count(row, max(0, int(settings.SLANT_HOURLY_BUDGET) - sum(row.minutes.values())), now)
        row.save()


def called_lately(clock: Clock) -> bool:
    """Whether a call was counted in the last minutes, as in any house whose workers run and whose Slant
    answers.
    """
    minutes = Budget.objects.values_list("minutes", flat=True).get(pk=1)
    return max(map(int, minutes), default=0) > _minute(clock.now()) - LATELY_MINUTES


def _count(row: Budget, calls: int, now: datetime) -> None:
    minute = str(_minute(now))
    row.minutes[minute] = row.minutes.get(minute, 0) + calls


def went_well() -> None:
    """Slant answered: forget the failures, and the 429s, in a row."""
    Budget.objects.filter(pk=1).exclude(failures=0, busy_in_a_row=0, reads_rest_until=None).update(
        failures=0, busy_in_a_row=0, reads_rest_until=None
    )


def _locked() -> Budget:
    return Budget.objects.select_for_update().get(pk=1)


def _free_at(row: Budget, share: Share, calls: int, now: datetime) -> datetime:
    """When enough of what was counted has left the window; within ten minutes, for the budget may be raised."""
    later = Budget(minutes=dict(row.minutes), sync_minutes=dict(row.sync_minutes))
    for minute in sorted(row.minutes, key=int):
        later.minutes.pop(minute)
        later.sync_minutes.pop(minute, None)
        leaves = datetime.fromtimestamp((int(minute) + WINDOW_MINUTES) * 60, UTC)
        if leaves >= now + ASK_AGAIN:
            break
        if _fits(later, share, calls):
            return leaves
    return now + ASK_AGAIN


def _minute(moment: datetime) -> int:
    return int(moment.timestamp() // 60)


def _forget_old(row: Budget, now: datetime) -> None:
    """Drop minutes out of the window. Minutes ahead of a clock that was set back still count: never too many."""
    oldest = _minute(now) - WINDOW_MINUTES + 1
    row.minutes = {minute: calls for minute, calls in row.minutes.items() if int(minute) >= oldest}
    row.sync_minutes = {minute: calls for minute, calls in row.sync_minutes.items() if int(minute) >= oldest}


def _fits(row: Budget, share: Share, calls: int) -> bool:
    used: int = sum(row.minutes.values()) + calls
    if used <= may_use(share):
        return True
    own: int = sum(row.sync_minutes.values()) + calls
    return own <= OF_SYNC.get(share, 0) and used <= int(settings.SLANT_HOURLY_BUDGET)
