"""Our connection to Slant: the client built from settings, and what `/me` says our token may do."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import holds, restore_guard
from opportunities.delivery.unknown_outcome import restart_quiet_periods
from opportunities.models import Attempt, Instance, Outcome
from opportunities.runtime import alerts, budget
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.types import Me
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

ME_INTERVAL = timedelta(hours=1)
ME_INTERVAL_WHILE_HELD = timedelta(minutes=1)
TOKEN_MESSAGES = {
    holds.TOKEN_READ_ONLY: "Our connection to Slant is read-only. Submissions are kept until it may make changes.",
    holds.TOKEN_REFUSED: "Slant refuses our connection. Submissions are kept until it is accepted again.",
}

HOLDS_LIFTED_BY_ME = restore_guard.WRONG_SLANT | set(TOKEN_MESSAGES)


def connect(clock: Clock, *, mine: Instance | None = None) -> SlantClient:
    """A client that counts nothing: `metered()` copies of it do. Cheap copies share its connections.

    `mine` is our instance, if the caller has read it already.
    """
    mine = mine or Instance.current()
    return SlantClient(
        settings.SLANT_BASE_URL,
        settings.SLANT_API_TOKEN,
        total_timeout=settings.SLANT_TIMEOUT_SECONDS,
        connect_timeout=min(3.0, settings.SLANT_TIMEOUT_SECONDS),
        can_write=mine.can_write,
        now=clock.now,
    )


def metered(slant: SlantClient, share: Share, clock: Clock) -> SlantClient:
    """A copy whose every request takes one call of `share` first (`BudgetSpent` when there is none)."""
    return slant.using(before_send=Meter(share, clock))


def check_connection(
    slant: SlantClient,
    *,
    worker: Actor,
    clock: Clock,
    mine: Instance | None = None,
    held: set[str] | None = None,
) -> bool:
    """Ask `/me` hourly, and each minute while our token holds the queue; lifts or sets that hold by the
    answer.

    Returns whether it was time to ask.
    `mine` and `held` are our instance and the reasons to hold, if the caller has read them already.
    """
    mine = mine or Instance.current()
    if not _check_is_due(mine, holds.codes() if held is None else held, clock):
        return False
    try:
        me = _ask_me(slant, clock)
    except (BudgetSpent, errors.SlantError) as error:
        soon = clock.now() - ME_INTERVAL + ME_INTERVAL_WHILE_HELD
        Instance.objects.filter(pk=1).update(me_checked_at=soon)
        if isinstance(error, errors.SlantRefusedUs):
            hold_for_token(holds.TOKEN_REFUSED, worker=worker, clock=clock)
        return True
    if _adopt_identity(me, worker=worker, clock=clock):
        _apply_token_rights(me.can_write, worker=worker, clock=clock)
    return True


def classify_error(
    error: errors.SlantError, slant: SlantClient, *, worker: Actor, clock: Clock
) -> errors.SlantError:
    """What a 403 of a write means: the book's no, or our token's, which Slant need not have said (Slant API
    3).

    What `/me` said may be an hour old, so it is asked now. Only a token known to write makes it the book's
    no: a submission is rejected for good by that, and kept by the other. Where `/me` tells neither yes nor
    no, a token that has never written counts as read-only (Slant API 7.1).
    """
    if not isinstance(error, errors.SlantForbidden):
        return error
    try:
        me = _ask_me(metered(slant, Share.PEOPLE, clock), clock)
        ours = _adopt_identity(me, worker=worker, clock=clock)
        may = me.can_write
    except (BudgetSpent, errors.SlantError):
        ours, may = True, False
    if may is None:
        may = Attempt.objects.filter(outcome=Outcome.OK).exists()
    if ours and may:
        return error
    return errors.SlantRefusedUs(
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        log_line=error.log_line,
        server_date=error.server_date,
        elapsed_ms=error.elapsed_ms,
    )


def _ask_me(slant: SlantClient, clock: Clock) -> Me:
    try:
        me = slant.me()
    except errors.SlantError as error:
        budget.record_failure(error, clock=clock)
        raise
    budget.record_success()
    return me


def _adopt_identity(me: Me, *, worker: Actor, clock: Clock) -> bool:
    """Keep what `/me` said, if it is the Slant, and the user of it, this database belongs to; holds, if not."""
    if not restore_guard.is_our_slant(settings.SLANT_BASE_URL, me.id, worker=worker, clock=clock):
        Instance.objects.filter(pk=1).update(me_checked_at=clock.now())
        return False
    said = {
        "me_checked_at": clock.now(),
        "can_write": me.can_write,
        "slant_base_url": settings.SLANT_BASE_URL,
        "slant_user_id": me.id,
    }
    if me.can_write is not False:
        said["ever_could_write"] = True
    with transaction.atomic():
        # Known, but not whose token it has: somebody ran `recover` for the sake of this one.
        if Instance.objects.filter(pk=1, slant_user_id="").exclude(slant_base_url="").exists():
            audit.record(
                clock=clock,
                by=worker,
                action="connection.adopted",
                object_type="slant_user",
                object_id=me.id,
                change=AuditChange(after={"token_owner": me.id}),
            )
        Instance.objects.filter(pk=1).update(**said)
    return True


def _check_is_due(mine: Instance, holds: set[str], clock: Clock) -> bool:
    if mine.me_checked_at is None:
        return True
    ago = clock.now() - mine.me_checked_at
    return ago >= ME_INTERVAL or (ago >= ME_INTERVAL_WHILE_HELD and not holds.isdisjoint(HOLDS_LIFTED_BY_ME))


def _apply_token_rights(write: bool | None, *, worker: Actor, clock: Clock) -> None:
    """Slant accepts our token. Where it does not say whether it may write, what a refused write told stands."""
    over = HOLDS_LIFTED_BY_ME - (set() if write else {holds.TOKEN_READ_ONLY})
    for code in holds.codes() & over:
        with transaction.atomic():
            holds.release(code, by=worker, clock=clock, reason="Slant accepts our connection again.")
            if code in restore_guard.WRONG_SLANT:
                # What was not there was looked for in another Slant, or with another's eyes.
                restart_quiet_periods(clock)
    alerts.close_alert(*over, clock=clock)
    if write is False:
        hold_for_token(holds.TOKEN_READ_ONLY, worker=worker, clock=clock)


def hold_for_token(code: str, *, worker: Actor, clock: Clock) -> None:
    """Hold the whole queue because of our token, with one alert; `check_connection` lifts it again."""
    holds.hold(code, reason=TOKEN_MESSAGES[code], by=worker, clock=clock)
    alerts.open_alert(code, TOKEN_MESSAGES[code], clock=clock)
