"""Looking at a real Slant before going live: the probe with the shared budget, and in the trail."""

from dataclasses import replace

from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import connection, holds, restore_guard
from opportunities.models import Hold
from opportunities.probe import CannotAsk, NotAsked, ProbeOptions, Prober, ProbeReport, probe
from opportunities.runtime import budget
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant.client import SlantClient
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


def look_at_slant(
    ask: ProbeOptions, *, by: Actor, clock: Clock, slant: SlantClient | None = None
) -> ProbeReport:
    """Probe Slant with people's share of the budget. Raises `CannotAsk` when Slant cannot be asked at all.

    With `ask.write` the intention is in the trail before the first write, and nothing is written while
    sending is stopped by hand or this database belongs to another Slant: the stop button stops this too.
    """
    slant = slant or _connect(clock)
    meter = Meter(Share.PEOPLE, clock)

    def count() -> None:
        try:
            meter()
        except BudgetSpent as spent:
            raise NotAsked(str(spent)) from spent

    prober = Prober(
        slant.using(before_send=count),
        on_busy=lambda seconds: budget.back_off(seconds, clock=clock),
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        now=clock.now,
    )
    if ask.write:
        ask = replace(ask, why_not=_why_not())
        if not ask.why_not:
            _record_event("probe.writing", ask, by=by, clock=clock)
    report = probe(prober, ask)
    _record_event(
        "probe.ran", ask, by=by, clock=clock, calls=report.calls, test_deals=int(bool(report.test_deal))
    )
    return report


def _connect(clock: Clock) -> SlantClient:
    try:
        return connection.connect(clock)
    except ValueError as wrong:
        raise CannotAsk(f"SLANT_BASE_URL and SLANT_API_TOKEN: {wrong}.") from None


def _why_not() -> str:
    if Hold.objects.filter(pk=holds.STOPPED).exists():
        return "sending is stopped; see `manage.py release`"
    return "this database belongs to another Slant" if restore_guard.other_slant_message() else ""


def _record_event(action: str, ask: ProbeOptions, *, by: Actor, clock: Clock, **counts: int) -> None:
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action=action,
            object_type="book" if ask.book_id else "slant",
            object_id=ask.book_id,
            change=AuditChange(after=dict(counts)),
        )
