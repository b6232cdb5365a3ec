"""The breaker: while Slant is away only one probe calls it. All callers share one breaker.

It is stored in the row of the call budget, which every worker locks before each call. It applies to sending,
looking for lost answers, syncing and commands.

* It **opens** after FAILURES exchanges in a row without an answer: unreachable, no answer, or 5xx. A 429 and
  a `Retry-After` open it at once, because Slant itself asks for a pause.
* While it is **open**, `budget.take` refuses every call. One worker at a time makes a probe, always a read of
  `/me` and never a submission: after 1 s, then after twice as long each time, up to 60 s, and never before
  what Slant asked for. Each wait is shortened by up to a seventh at random, so that installations do not call
  at the same times.
* The first good answer to a probe **closes** it: every submission that waits is due, oldest first. For
  SLOW_START only a few are sent at the same time. If it opens again meanwhile, the waits continue where they
  were, so that a Slant which answers only `/me` is not called every second. They start again when the last
  call reached no server: then one machine of several is cut off, and the others must not wait for it.

A pause that Slant asks for is kept for an hour at most. A 429 without `Retry-After` is the case of Slant API
5: 60 s, doubling with each further one in a row, up to ten minutes, and up to half as much again at random.

Stored times further ahead than the rules allow were written before a clock was set back: they are due now.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock, is_due
from opportunities.models import Budget
from opportunities.slant import errors

logger = logging.getLogger(__name__)

FAILURES = 3
FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS, PROBE_JITTER = 1.0, 60.0, 0.15
BUSY_START_SECONDS, BUSY_LONGEST_SECONDS, BUSY_JITTER = 60.0, 600.0, 0.5
ASKED_AT_MOST = timedelta(hours=1)
PROBE_MARGIN_SECONDS = 5.0
SLOW_START, DOUBLES_EVERY, FEW = timedelta(seconds=60), timedelta(seconds=15), 2
# Errors that show that Slant answers: it refused the request, or our token.
ANSWERED = (errors.SlantRejected, errors.SlantRefusedUs)
_random = SystemRandom()


@dataclass(frozen=True)
class BreakerState:
    """The state of the breaker for pages and checks. While it is closed only `last_error` may be set.

    open_since  since when nothing is sent; None while it is closed
    last_error  how the last failed exchange ended: method, path and cause, never a payload
    probe_at    when the next probe is due, or overdue
    is_busy     whether Slant itself asked for the pause
    """

    open_since: datetime | None = None
    last_error: str = ""
    probe_at: datetime | None = None
    is_busy: bool = False

    @property
    def is_open(self) -> bool:
        return self.open_since is not None


def state(now: datetime) -> BreakerState:
    """The breaker as it is now. One query, and no lock."""
    row = Budget.objects.get(pk=1)
    if row.opened_at is None:
        return BreakerState(last_error=row.last_error)
    is_busy = not is_due(row.busy_until, now, longest=ASKED_AT_MOST)
    return BreakerState(row.opened_at, row.last_error, probe_due_at(row, now), is_busy)


def probe_due_at(row: Budget, now: datetime) -> datetime:
    """When the next probe of an open breaker may be made: not before its wait, nor before what Slant asked
    for.
    """
    longest = timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + LONGEST_PROBE_SECONDS)
    waits = ((row.probe_at, longest), (row.busy_until, ASKED_AT_MOST))
    return max(
        (until for until, most in waits if until and not is_due(until, now, longest=most)), default=now
    )


def take_probe_turn(*, clock: Clock) -> bool:
    """Whether the caller must make the next probe. Once it is due, one of all workers gets the turn.

    No other worker gets a turn until the probe ends; if its process dies, another gets it a little later.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        if row.opened_at is None or probe_due_at(row, now) > now:
            return False
        row.probe_at = now + timedelta(seconds=settings.SLANT_TIMEOUT_SECONDS + PROBE_MARGIN_SECONDS)
        row.save()
    return True


def record_exchange(error: errors.SlantError | None, *, clock: Clock, is_probe: bool = False) -> None:
    """Count how an exchange ended. This opens the breaker, or closes it after a probe that was answered.

    A refusal is an answer. An answer that proves neither (a redirect, an undocumented answer) changes
    nothing.
    """
    with transaction.atomic():
        row, now = _locked(), clock.now()
        if error is None or isinstance(error, ANSWERED):
            _record_answer(row, now, is_probe)
        else:
            _record_failure(row, error, now, is_probe)
        row.save()


def back_off(retry_after: float | None, *, clock: Clock) -> None:
    """Slant answered 429 to a call that was not made by the application's client."""
    record_exchange(errors.SlantBusy(retry_after=retry_after, log_line="429"), clock=clock)


def may_be_troubled(row: Budget) -> bool:
    """Whether a good answer would change the row. If not, no lock is taken."""
    return bool(row.failures or row.busy_in_a_row)


def most_at_once(row: Budget, now: datetime) -> int | None:
    """How many submissions may be under way shortly after the breaker closed; None once that is long ago."""
    if row.released_at is None or not _closed_lately(row, now):
        return None
    return FEW << (now - row.released_at) // DOUBLES_EVERY


def handle_clock_jump(row: Budget, now: datetime) -> None:
    """The end of a requested pause is no longer known, so Slant is probed in a minute."""
    if row.busy_until:
        row.busy_until = now + timedelta(seconds=BUSY_START_SECONDS)
    if row.opened_at:
        row.opened_at = min(row.opened_at, now)
        row.probe_at = now
    row.released_at = None
    row.answered_at = min(row.answered_at, now) if row.answered_at else None


def _record_answer(row: Budget, now: datetime, is_probe: bool) -> None:
    row.failures = row.busy_in_a_row = 0
    row.answered_at = now
    if is_probe and row.opened_at is not None:
        logger.warning("Slant answers again; it was away since %s", row.opened_at.isoformat())
        row.opened_at = row.probe_at = row.busy_until = None
        row.released_at = now


def _record_failure(row: Budget, error: errors.SlantError, now: datetime, is_probe: bool) -> None:
    is_busy = isinstance(error, errors.SlantBusy)
    if is_busy or error.retry_after is not None:
        _pause(row, error.retry_after, now, is_busy)
    elif _says_away(error):
        row.failures += 1
    elif not is_probe:
        return
    row.last_error = error.log_line[:200]
    if row.opened_at is None:
        if is_busy or error.retry_after is not None or row.failures >= FAILURES:
            _open(row, error, now)
    elif is_probe:
        row.probes += 1
        row.probe_at = now + _probe_wait(row)


def _says_away(error: errors.SlantError) -> bool:
    """Whether the error says that Slant is away: unreachable, no answer at all, or 5xx."""
    if isinstance(error, errors.SlantUnreachable):
        return True
    if not isinstance(error, errors.SlantNoAnswer) or error.undocumented:
        return False
    return not isinstance(error, errors.PageLimitHit) and (error.status is None or error.status >= 500)


def _open(row: Budget, error: errors.SlantError, now: datetime) -> None:
    goes_on = _closed_lately(row, now) and not isinstance(error, errors.SlantUnreachable)
    row.probes = row.probes + 1 if goes_on else 0
    row.opened_at, row.probe_at = now, now + _probe_wait(row)
    logger.warning("Slant is away; one probe at a time until it answers: %s", row.last_error)


def _closed_lately(row: Budget, now: datetime) -> bool:
    return row.released_at is not None and timedelta(0) <= now - row.released_at < SLOW_START


def _probe_wait(row: Budget) -> timedelta:
    doubled = FIRST_PROBE_SECONDS * 2.0 ** min(row.probes, 10)
    longest = min(doubled, LONGEST_PROBE_SECONDS)
    return timedelta(seconds=longest * _random.uniform(1 - PROBE_JITTER, 1))


def _pause(row: Budget, retry_after: float | None, now: datetime, is_busy: bool) -> None:
    """Keep the pause of `retry_after`. After a 429 without one, wait longer with each in a row.

    A 429 that arrives during such a pause answers an earlier call, so it is not counted as one more in a row.
    """
    until = row.busy_until or now
    if is_due(until, now, longest=ASKED_AT_MOST):
        until = now
    if is_busy and until == now:
        row.busy_in_a_row += 1
    if retry_after is None:
        doubled = BUSY_START_SECONDS * 2.0 ** min(max(row.busy_in_a_row, 1) - 1, 6)
        wait = min(doubled * _random.uniform(1, 1 + BUSY_JITTER), BUSY_LONGEST_SECONDS)
    else:
        wait = min(max(retry_after, 1), ASKED_AT_MOST.total_seconds())
    row.busy_until = max(until, now + timedelta(seconds=wait))


def _locked() -> Budget:
    return Budget.objects.select_for_update().get(pk=1)
