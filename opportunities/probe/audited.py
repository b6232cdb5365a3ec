"""The probe of a real Slant with the shared call budget and its events in the trail."""

from dataclasses import replace

from django.db import transaction

from opportunities.clock import Clock
from opportunities.delivery import connection, holds, restore_guard
from opportunities.models import Hold
from opportunities.probe.prober import CannotAsk, NotAsked, Prober
from opportunities.probe.questionnaire import ProbeOptions, ProbeReport, run_probe
from opportunities.runtime import breaker
from opportunities.runtime.budget import BudgetSpent, Meter, Share
from opportunities.slant.client import Ended, SlantClient
from opportunities.trail import audit
from opportunities.trail.audit import Actor, AuditChange


def probe_with_audit(
    options: ProbeOptions, *, by: Actor, clock: Clock, slant: SlantClient | None = None
) -> ProbeReport:
    """Probe Slant with people's share of the budget. Raises CannotAsk if Slant cannot be asked at all.

    With `options.write` the intention is recorded before the first write. Nothing is written while sending is
    stopped by hand or this database belongs to another Slant.
    """
    slant = slant or _connect(clock)
    meter = Meter(Share.PEOPLE, clock)

    def count() -> Ended:
        try:
            return meter()
        except BudgetSpent as spent:
            raise NotAsked(str(spent)) from spent

    prober = Prober(
        slant.using(before_send=count),
        on_busy=lambda seconds: breaker.back_off(seconds, clock=clock),
        sleep=clock.sleep,
        monotonic=clock.monotonic,
        now=clock.now,
    )
    if options.write:
        options = replace(options, why_not=_why_not())
        if not options.why_not:
            _record_event("probe.writing", options, by=by, clock=clock)
    report = run_probe(prober, options)
    _record_event(
        "probe.ran", options, by=by, clock=clock, calls=report.calls, test_deals=int(bool(report.test_deal))
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


def _record_event(action: str, options: ProbeOptions, *, by: Actor, clock: Clock, **counts: int) -> None:
    with transaction.atomic():
        audit.record(
            clock=clock,
            by=by,
            action=action,
            object_type="book" if options.book_id else "slant",
            object_id=options.book_id,
            change=AuditChange(after=dict(counts)),
        )
