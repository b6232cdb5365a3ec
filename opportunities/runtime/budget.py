"""The hourly budget of calls to Slant: one row for all processes, changed in one transaction.

Slant allows 1,000 calls an hour a token (Slant API 5). We use SLANT_HOURLY_BUDGET of them, and never more in
any rolling hour. Calls are counted by minute; the current minute and the 61 before it are summed. So neither
a half-counted minute nor a slow exchange can put more calls into one of Slant's hours than into ours. No
counted call leaves the window early, even when the clock is set. Calls of a minute in the future count as
made now. A worker that sees the clock jump, or finds that no worker watched it, counts all calls again before
it calls.

People have priority. They may use all but 60 calls, and checks of lost answers leave 100 free. Background
sync leaves 400 free and always has 60. Its walks over all deals leave 500 free and always have 40, so that
they never delay reading a changed deal or a changed access right (reliability: sync and mirror rules).

A call is counted before it is made, so that it stays counted when the process dies. If it ends without a byte
sent (no name, refused, no connection in time, no TLS), the count is taken back, because the call did not
reach Slant.

While Slant is away `breaker` refuses every call except its own probes. The code that counted a call also
records here how it ended, so that no caller can forget to.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import partial

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock, unwatched
from opportunities.models import Budget, Outcome
from opportunities.runtime import breaker, event_counts
from opportunities.runtime.outcomes import outcome_of
from opportunities.slant import errors
from opportunities.slant.client import Ended

WINDOW_MINUTES = 62
RECENT_MINUTES = 5
DEFAULT_BUDGET = 900
MINIMUM_BUDGET = 200
GUARANTEED_FOR_SYNC = 60
GUARANTEED_FOR_WALKS = 40
LONGEST_WAIT = timedelta(minutes=10)


class Share(Enum):
    """Who calls, and how many calls of the hour they must leave to others.

    PROBES are the breaker's, the only calls allowed while it is open.
    """

    PROBES = 0
    PEOPLE = 60
    CHECKS = 100
    SYNC = 400
    WALKS = 500


# Calls of an hour that background reads may always make, even when people use many.
GUARANTEED_CALLS = {Share.SYNC: GUARANTEED_FOR_SYNC, Share.WALKS: GUARANTEED_FOR_WALKS}


class BudgetSpent(Exception):
    """No call may be made before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no call to Slant before {until:%H:%M:%S}")
        self.until = until


class SlantAway(BudgetSpent):
    """No call may be made, because Slant is away or asked for a pause. The next probe is at `until`."""


@dataclass(frozen=True)
class Charge:
    """Calls that were counted, in one minute.

    at_once   how many submissions may be under way now; None for any number (see `breaker`)
    troubled  whether the last exchanges failed, so that a good answer has to be recorded
    """

    share: Share
    calls: int
    minute: str
    at_once: int | None = None
    troubled: bool = False


@dataclass(frozen=True)
class Meter:
    """Called by the client before each request: takes one call of `share`, or raises `BudgetSpent`.

    Returns what the client calls with the error of the exchange, or None when Slant answered.
    """

    share: Share
    clock: Clock

    def __call__(self) -> Ended:
        return partial(settle, take(self.share, calls=1, clock=self.clock), clock=self.clock)


def take(share: Share, *, calls: int, clock: Clock) -> Charge:
    """Count `calls` now, or raise `BudgetSpent` and count nothing. Joins the caller's transaction."""
    with transaction.atomic():
        row = _locked()
        now = clock.now()
        _drop_old_minutes(row, now)
        if row.opened_at is not None and share is not Share.PROBES:
            raise SlantAway(breaker.probe_due_at(row, now))
        if not _fits(row, share, calls):
            raise BudgetSpent(_available_at(row, share, calls, now))
        _count(row, calls, now)
        minute = str(_minute(now))
        if share in GUARANTEED_CALLS:
            row.sync_minutes[minute] = row.sync_minutes.get(minute, 0) + calls
        row.save()
        troubled = breaker.may_be_troubled(row) or share is Share.PROBES
        return Charge(share, calls, minute, breaker.most_at_once(row, now), troubled)


def settle(charge: Charge, error: errors.SlantError | None, *, clock: Clock) -> None:
    """Record how one call of `charge` ended. It costs no budget if no byte was sent."""
    event_counts.add(event_counts.SLANT_CALLS, outcome_of(error) if error else Outcome.OK)
    clock = unwatched(clock)
    if error is not None and not error.bytes_sent:
        refund(charge, calls=1)
    if error is not None or charge.troubled:
        breaker.record_exchange(error, clock=clock, is_probe=charge.share is Share.PROBES)


def refund(charge: Charge, *, calls: int) -> None:
    """Take back `calls` of `charge` that were not made. A minute that was dropped already is not changed."""
    if not calls:
        return
    with transaction.atomic():
        row = _locked()
        counted = [row.minutes, row.sync_minutes] if charge.share in GUARANTEED_CALLS else [row.minutes]
        for minutes in counted:
            remaining = minutes.pop(charge.minute, 0) - calls
            if remaining > 0:
                minutes[charge.minute] = remaining
        row.save()


def limit_of(share: Share) -> int:
    """The total of the hour up to which `share` may call.

    Background shares shrink with a budget below the default of 900. Below MINIMUM_BUDGET too few calls would
    be left for lost answers, so a system check refuses to start.
    """
    most = max(0, int(settings.SLANT_HOURLY_BUDGET))
    if share in GUARANTEED_CALLS and most < DEFAULT_BUDGET:
        return most - most * share.value // DEFAULT_BUDGET
    return max(0, most - share.value)


def calls_left(clock: Clock) -> int:
    """Calls left of the hour, for all shares together."""
    row = Budget.objects.get(pk=1)
    _drop_old_minutes(row, clock.now())
    used: int = sum(row.minutes.values())
    return max(0, int(settings.SLANT_HOURLY_BUDGET) - used)


def handle_clock_jump(*, clock: Clock) -> None:
    """The counted minutes no longer match the clock, so all calls of the hour count as made now.

    The breaker's times do not match it either.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        for counted in (row.minutes, row.sync_minutes):
            calls = sum(counted.values())
            counted.clear()
            if calls:
                counted[str(_minute(now))] = calls
        breaker.handle_clock_jump(row, now)
        row.save()


def restart_window(*, clock: Clock) -> None:
    """No worker watched the clock since the last call, so that call counts as made now.

    The others count as made before it. Otherwise a clock that was set forward meanwhile would make recent
    calls seem long past.
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
    """Add `counted` calls by minute where they are more than ours, because an older database replaced ours.
    They do not include calls made after the last count.

    So a ninth of the hour's calls is added, which is what Slant allows beyond our default budget.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        _drop_old_minutes(row, now)
        other_budget = Budget(minutes={})
        for minute, calls in counted.items():
            key = str(min(int(minute), _minute(now)))
            other_budget.minutes[key] = other_budget.minutes.get(key, 0) + int(calls)
        _drop_old_minutes(other_budget, now)
        for minute, calls in other_budget.minutes.items():
            row.minutes[minute] = max(calls, row.minutes.get(minute, 0))
        if other_budget.minutes:
            _count(row, int(settings.SLANT_HOURLY_BUDGET) // 9, now)
        row.save()


def exhaust(*, clock: Clock) -> None:
    """Count all remaining calls of the hour as made now, because the true number is unknown."""
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


def _locked() -> Budget:
    return Budget.objects.select_for_update().get(pk=1)


def _available_at(row: Budget, share: Share, calls: int, now: datetime) -> datetime:
    """When enough counted calls will have left the window; at most in ten minutes, because the budget may be
    raised.
    """
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
    in_window: dict[str, int] = {}
    for minute, calls in counted.items():
        if int(minute) > this - WINDOW_MINUTES:
            # The clocks of two machines may differ by one minute.
            key = minute if int(minute) <= this + 1 else str(this)
            in_window[key] = in_window.get(key, 0) + calls
    return in_window


def _fits(row: Budget, share: Share, calls: int) -> bool:
    used: int = sum(row.minutes.values()) + calls
    if used <= limit_of(share):
        return True
    own: int = sum(row.sync_minutes.values()) + calls
    return own <= GUARANTEED_CALLS.get(share, 0) and used <= int(settings.SLANT_HOURLY_BUDGET)
