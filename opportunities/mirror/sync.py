"""Filling the mirror in the background: what is due, by one worker at a time, within the call budget.

Each resource has a `SyncState`, and its cost decides how often it is due. A turn is short, because the same
worker sends people's submissions: a long read pauses after TURN_SECONDS and continues in the next round, or
in another process.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zlib import crc32

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock, is_due
from opportunities.mirror import definitions, unreadable
from opportunities.mirror.directory import LISTS
from opportunities.mirror.reader import DealReader, MayContinue, NotLeading
from opportunities.models import SyncState
from opportunities.runtime import breaker, budget, leases
from opportunities.runtime.budget import BudgetSpent, Share, SlantAway
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.trail.audit import Actor

logger = logging.getLogger(__name__)

LEASE = "sync"
LEASE_SECONDS = 60
TURN_SECONDS = 5
DEALS = "opportunities"
RESOURCES = (*LISTS, DEALS)
JITTER = 0.2
# Shares of the calls that sync may make in an hour: for deals, and for each of the three lists.
SHARE_OF_DEALS, SHARE_OF_A_LIST = 0.6, 0.13
# For this long an unchanged list is not written again.
WRITTEN_ANEW_AFTER = timedelta(hours=1)
# After these results of a pass the next one asks only for changes, which is cheap.
ASKS_FOR_CHANGES = ("", "whole", "shifted")
# In the cursor of deals: which missing deals were requested last, so that each gets its turn.
KEPT_BY_A_FULL_READING = ("asked_last",)

# In the cursor: Slant answered the failed pass, but refused it or sent something unreadable.
ANSWERS = REFUSED, UNDOCUMENTED = "refused", "undocumented"

Tell = Callable[[SyncState], None]


def sync_if_due(
    slant: SlantClient,
    *,
    worker: Actor,
    clock: Clock,
    now_please: bool = False,
    full: bool = False,
    tell: Tell | None = None,
) -> bool:
    """Read what is due for one turn, unless another worker holds the lease. Returns whether this one held it.

    now_please  read every resource to its end, due or not
    full        read every deal, not only what changed, and request each one that two walks missed
    tell        called with the state after each turn of `now_please`
    slant       must count its calls in the sync share of the budget
    """
    names = RESOURCES if now_please else due(clock)
    if not names:
        return False
    fence = leases.take(LEASE, owner=worker.display, seconds=LEASE_SECONDS, clock=clock)
    if fence is None:
        return False

    def still_leading() -> bool:
        return leases.renew(LEASE, owner=worker.display, fence=fence, seconds=LEASE_SECONDS, clock=clock)

    try:
        if full:
            _forget_place()
        if now_please:
            sync(slant, clock=clock, still_leading=still_leading, tell=tell, full=full)
        else:
            _turn(names, slant, clock, still_leading)
        unreadable.report(clock=clock)
    finally:
        leases.release(LEASE, owner=worker.display, fence=fence)
    return True


def _forget_place() -> None:
    """Make the next read of deals start again. What the last walk missed is kept, because two walks prove a
    deletion.
    """
    for state in SyncState.objects.filter(pk=DEALS):
        state.cursor = {name: state.cursor[name] for name in KEPT_BY_A_FULL_READING if name in state.cursor}
        state.walk = {"missing": state.walk.get("missing", [])}
        state.save(update_fields=["cursor", "walk"])


def sync(
    slant: SlantClient,
    *,
    clock: Clock,
    still_leading: Callable[[], bool] = lambda: True,
    tell: Tell | None = None,
    full: bool = False,
    resources: Iterable[str] = RESOURCES,
) -> bool:
    """Read each of `resources` to its end. True if all were read completely."""
    whole = True
    for name in resources:
        ended: bool | None = None
        while ended is None:
            ended = _read_resource(name, slant, clock, _turn_limit(clock, still_leading), full=full)
            if tell:
                tell(SyncState.objects.get(pk=name))
        whole = whole and ended
    return whole


def _turn(names: Iterable[str], slant: SlantClient, clock: Clock, still_leading: Callable[[], bool]) -> None:
    may_continue = _turn_limit(clock, still_leading)
    for name in names:
        _read_resource(name, slant, clock, may_continue)
    with suppress(NotLeading):
        if may_continue():
            definitions.read_if_due(slant, clock=clock)


def _turn_limit(clock: Clock, still_leading: Callable[[], bool]) -> MayContinue:
    """Make the function that says whether the turn continues. It raises NotLeading when another worker has
    the lease.
    """
    until = clock.monotonic() + TURN_SECONDS

    def may_continue() -> bool:
        if not still_leading():
            raise NotLeading
        return clock.monotonic() < until

    return may_continue


# When a resource is due


def due(clock: Clock) -> list[str]:
    """The resources whose next pass should begin, or go on, now."""
    states = {state.pk: state for state in SyncState.objects.defer("walk")}
    now = clock.now()
    return [
        name
        for name in RESOURCES
        if name not in states or is_due(due_at(states[name]), now, longest=_longest_wait(states[name]))
    ]


def due_at(state: SyncState) -> datetime:
    """When to read `state` next: soon, if its pass is under way or failed."""
    if paused := state.cursor.get("goes_on_at"):
        return datetime.fromisoformat(paused)
    if state.started_at is None:
        return datetime.min.replace(tzinfo=UTC)
    if state.failed_at:
        return state.failed_at + _jittered(state, float(settings.SYNC_SECONDS))
    return state.started_at + _jittered(state, interval_seconds(state))


def _longest_wait(state: SyncState) -> timedelta:
    """How far ahead `due_at` can lie when a pass ends, fails or pauses."""
    if "goes_on_at" in state.cursor:
        return budget.LONGEST_WAIT
    seconds = float(settings.SYNC_SECONDS) if state.failed_at else interval_seconds(state)
    return timedelta(seconds=seconds * (1 + JITTER))


def interval_seconds(state: SyncState) -> float:
    """Seconds between two passes: SYNC_SECONDS, or more to keep their calls within their hourly share."""
    calls: int = state.cursor.get("calls", 1)
    if state.pk == DEALS and state.cursor.get("filter", "") in ASKS_FOR_CHANGES:
        calls = min(calls, 2)
    share = SHARE_OF_DEALS if state.pk == DEALS else SHARE_OF_A_LIST
    affordable = share * max(budget.GUARANTEED_FOR_SYNC, budget.limit_of(Share.SYNC))
    return max(float(settings.SYNC_SECONDS), 3600 * calls / affordable)


def _jittered(state: SyncState, seconds: float) -> timedelta:
    """`seconds` up to a fifth more or less, different for each pass, so that installations do not call at the
    same times.
    """
    place = crc32(f"{state.pk} {state.started_at}".encode()) / 2**32
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * place))


# Reading


def _read_resource(
    name: str, slant: SlantClient, clock: Clock, may_continue: MayContinue, *, full: bool = False
) -> bool | None:
    """Read one resource for a turn. True if its pass succeeded, False if it failed, None if it is not
    finished.
    """
    state, _ = SyncState.objects.get_or_create(pk=name)
    if "goes_on_at" not in state.cursor:
        state.started_at = clock.now()
        state.save(update_fields=["started_at"])
    try:
        ended = (
            _read_deals(state, slant, clock, may_continue, full=full)
            if name == DEALS
            else _read_list(state, slant, clock, may_continue)
        )
    except NotLeading:
        return False
    except BudgetSpent as spent:
        return _out_of_budget(state, spent, clock)
    except errors.SlantError as error:
        logger.warning("sync of %s failed: %s", name, error.log_line)
        return _failed(state, error.message, clock, kind=_kind_of_answer(error))
    if not ended:
        _go_on(state, clock.now())
        return None
    return True


def _read_list(state: SyncState, slant: SlantClient, clock: Clock, may_continue: MayContinue) -> bool:
    """Read a short list whole before any of it is written, so that a failure leaves the last good copy."""
    read_whole, write = LISTS[state.pk]
    began = clock.now()
    listing = read_whole(slant, may_continue)
    may_continue()
    now, digest = clock.now(), listing.digest()
    with transaction.atomic():
        stamp = {name: state.cursor.get(name, "") for name in ("digest", "written_at")}
        if digest != stamp["digest"] or not digest or _is_to_be_written_anew(stamp["written_at"], now):
            write(listing, now)
            stamp = {"digest": digest, "written_at": now.isoformat()}
        unreadable.replace(listing.findings, now=now)
        state.cursor = {"calls": listing.calls, "as_of": began.isoformat(), **stamp}
        _succeeded(state, clock)
    return True


def _is_to_be_written_anew(written_at: str, now: datetime) -> bool:
    """Whether an unchanged list is written too: at intervals, in case the rows were changed by other
    means.
    """
    due = datetime.fromisoformat(written_at) + WRITTEN_ANEW_AFTER if written_at else None
    return is_due(due, now, longest=WRITTEN_ANEW_AFTER)


def _read_deals(
    state: SyncState, slant: SlantClient, clock: Clock, may_continue: MayContinue, *, full: bool
) -> bool:
    reader = DealReader(state, slant, clock=clock, may_continue=may_continue, asks_for_all=full)
    ended = reader.take_turn()
    if ended:
        _succeeded(state, clock)
    return ended


def _succeeded(state: SyncState, clock: Clock) -> None:
    state.cursor.pop("goes_on_at", None)
    _forget_kind(state)
    state.finished_at, state.failed_at, state.failure = clock.now(), None, ""
    state.save(update_fields=["cursor", "finished_at", "failed_at", "failure"])


def _go_on(state: SyncState, at: datetime) -> None:
    state.cursor["goes_on_at"] = at.isoformat()
    state.failed_at, state.failure = None, ""
    state.save(update_fields=["cursor", "failed_at", "failure"])


def _out_of_budget(state: SyncState, spent: BudgetSpent, clock: Clock) -> bool:
    """The share of the hour is used up, or calls are paused: keep what was read and continue later."""
    if isinstance(spent, SlantAway):
        return _failed(state, "Slant does not answer. We read again as soon as it does.", clock)
    _go_on(state, spent.until)
    return False


def _failed(state: SyncState, why: str, clock: Clock, *, kind: str = "") -> bool:
    """Store why the pass failed. `kind`: which of ANSWERS Slant gave; empty when it gave no answer."""
    state.cursor.pop("goes_on_at", None)
    _forget_kind(state)
    state.cursor |= {kind: True} if kind else {}
    state.failed_at, state.failure = clock.now(), why[:200]
    state.save(update_fields=["cursor", "failed_at", "failure"])
    return False


def _forget_kind(state: SyncState) -> None:
    for kind in ANSWERS:
        state.cursor.pop(kind, None)


def _kind_of_answer(error: errors.SlantError) -> str:
    if isinstance(error, breaker.ANSWERED):
        return REFUSED
    return UNDOCUMENTED if isinstance(error, errors.SlantNoAnswer) and error.undocumented else ""
