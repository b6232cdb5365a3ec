"""Our connection to Slant: the client built from settings, and what `/me` says our token may do."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from opportunities.clock import Clock, ClockJumped, is_due, unwatched
from opportunities.delivery import holds, restore_guard
from opportunities.delivery.unknown_outcome import restart_quiet_periods, stop_counting_time
from opportunities.models import Attempt, Instance, Outcome
from opportunities.runtime import alerts, breaker, wakeup
from opportunities.runtime.alerts import AlertText
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant import errors
from opportunities.slant.client import SlantClient
from opportunities.slant.types import Me
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange

ME_INTERVAL = timedelta(hours=1)
ME_INTERVAL_WHILE_HELD = timedelta(minutes=1)
TOKEN_MESSAGES = {
    holds.TOKEN_READ_ONLY: "Our connection to Slant is read-only. "
    "Submissions are kept until it may make changes.",
    holds.TOKEN_REFUSED: "Slant refuses our connection. Submissions are kept until it is accepted again.",
}

TOKEN_REMEDIES = {
    holds.TOKEN_READ_ONLY: "Let Slant give the token of SLANT_API_TOKEN write access, or put one in place "
    "that has it and restart the workers. This closes by itself once Slant says so.",
    holds.TOKEN_REFUSED: "Look at the token's row in Slant, under API tokens. If it was revoked, put a new "
    "one of the same owner into SLANT_API_TOKEN and restart the workers.",
}
HOLDS_LIFTED_BY_ME = restore_guard.WRONG_SLANT | set(TOKEN_MESSAGES)


def connect(clock: Clock, *, instance: Instance | None = None) -> SlantClient:
    """A client that counts no calls. Its `metered()` copies do; they are cheap and share its connections.

    `instance` is our row, if the caller has read it already.
    """
    instance = instance or Instance.current()
    return SlantClient(
        settings.SLANT_BASE_URL,
        settings.SLANT_API_TOKEN,
        total_timeout=settings.SLANT_TIMEOUT_SECONDS,
        connect_timeout=min(3.0, settings.SLANT_TIMEOUT_SECONDS),
        can_write=instance.can_write,
        now=unwatched(clock).now,
    )


def metered(slant: SlantClient, share: Share, clock: Clock) -> SlantClient:
    """A copy that takes one call of `share` before each request, or raises `BudgetSpent`."""
    return slant.using(before_send=Meter(share, clock))


def check_connection(
    slant: SlantClient,
    *,
    worker: Actor,
    clock: Clock,
    instance: Instance | None = None,
    held: set[str] | None = None,
) -> bool:
    """Ask `/me` hourly, or each minute while our token holds the queue. Sets or releases that hold.

    While the breaker is open, asking is its probe, and due when that is. Returns whether it was time to ask.
    `instance` and `held` are our row and the codes of present holds, if the caller has read them already.
    """
    instance = instance or Instance.current()
    is_probe = breaker.state(clock.now()).is_open
    if is_probe:
        if not breaker.take_probe_turn(clock=clock):
            return False
        stop_counting_time()
        slant = metered(slant, Share.PROBES, clock)
    elif not _check_is_due(instance, holds.codes() if held is None else held, clock):
        return False
    try:
        me = slant.me()
    except (BudgetSpent, errors.SlantError) as error:
        soon = clock.now() - ME_INTERVAL + ME_INTERVAL_WHILE_HELD
        Instance.objects.filter(pk=1).update(me_checked_at=soon)
        if isinstance(error, errors.SlantRefusedUs):
            hold_for_token(holds.TOKEN_REFUSED, worker=worker, clock=clock)
        return True
    if is_probe:
        wakeup.wake()  # the queue is released, and all workers may send
    if _adopt_identity(me, worker=worker, clock=clock):
        _apply_token_rights(me.can_write, worker=worker, clock=clock)
    return True


def probe_if_due(slant: SlantClient, *, worker: Actor, clock: Clock) -> None:
    """For commands, which may run where no worker does: make the probe of an open breaker if it is due."""
    if breaker.state(clock.now()).is_open:
        check_connection(slant, worker=worker, clock=clock)


def classify_error(
    error: errors.SlantError, slant: SlantClient, *, worker: Actor, clock: Clock
) -> errors.SlantError:
    """Whether a 403 of a write concerns the book or our token, which Slant need not say (Slant API 3).

    The last answer of `/me` may be an hour old, so it is asked now. Only with a token known to write does the
    403 concern the book. That rejects the submission for good; the other keeps it queued. Where `/me` says
    neither, a token that has never written counts as read-only (Slant API 7.1).
    """
    if not isinstance(error, errors.SlantForbidden):
        return error
    try:
        me = metered(slant, Share.PEOPLE, clock).me()
        is_ours, can_write = _adopt_identity(me, worker=worker, clock=clock), me.can_write
    except (BudgetSpent, ClockJumped, errors.SlantError):
        is_ours, can_write = True, False
    if can_write is None:
        can_write = Attempt.objects.filter(outcome=Outcome.OK).exists()
    if is_ours and can_write:
        return error
    return errors.SlantRefusedUs(
        status=error.status,
        code=error.code,
        request_id=error.request_id,
        log_line=error.log_line,
        server_date=error.server_date,
        elapsed_ms=error.elapsed_ms,
    )


def _adopt_identity(me: Me, *, worker: Actor, clock: Clock) -> bool:
    """Store what `/me` said, if Slant and its user are those of this database. Holds sending if not."""
    if not restore_guard.is_our_slant(settings.SLANT_BASE_URL, me.id, worker=worker, clock=clock):
        Instance.objects.filter(pk=1).update(me_checked_at=clock.now())
        return False
    fields = {
        "me_checked_at": clock.now(),
        "can_write": me.can_write,
        "slant_base_url": settings.SLANT_BASE_URL,
        "slant_user_id": me.id,
    }
    if me.can_write is not False:
        fields["ever_could_write"] = True
    with transaction.atomic():
        # The Slant is known but the token's owner is not: somebody ran `recover` to adopt this one.
        if Instance.objects.filter(pk=1, slant_user_id="").exclude(slant_base_url="").exists():
            audit.record(
                clock=clock,
                by=worker,
                action="connection.adopted",
                object_type="slant_user",
                object_id=me.id,
                change=AuditChange(after={"token_owner": me.id}),
            )
        Instance.objects.filter(pk=1).update(**fields)
    return True


def _check_is_due(instance: Instance, holds: set[str], clock: Clock) -> bool:
    if instance.me_checked_at is None:
        return True
    wait = ME_INTERVAL if holds.isdisjoint(HOLDS_LIFTED_BY_ME) else ME_INTERVAL_WHILE_HELD
    return is_due(instance.me_checked_at + wait, clock.now(), longest=wait)


def _apply_token_rights(write: bool | None, *, worker: Actor, clock: Clock) -> None:
    """Slant accepts our token. If it does not say whether the token may write, an earlier refusal stands."""
    outdated = HOLDS_LIFTED_BY_ME - (set() if write else {holds.TOKEN_READ_ONLY})
    for code in holds.codes() & outdated:
        with transaction.atomic():
            holds.release(code, by=worker, clock=clock, reason="Slant accepts our connection again.")
            if code in restore_guard.WRONG_SLANT:
                # Looks that found nothing read another Slant, or as another user.
                restart_quiet_periods(clock)
    alerts.close_alert(*outdated, clock=clock)
    if write is False:
        hold_for_token(holds.TOKEN_READ_ONLY, worker=worker, clock=clock)


def hold_for_token(code: str, *, worker: Actor, clock: Clock) -> None:
    """Hold the whole queue because of our token, with one alert. `check_connection` releases it."""
    holds.hold(code, reason=TOKEN_MESSAGES[code], by=worker, clock=clock)
    text = AlertText(TOKEN_MESSAGES[code], holds.MEANING, TOKEN_REMEDIES[code])
    alerts.open_alert(code, text, clock=clock)
