from collections.abc import Sequence
from datetime import datetime

from opportunities.periods import Period, compared
from opportunities.reports.overview import Overview, overview

from . import history
from .history import Span
from .report import Report

SPARKS = 6


def overview_of(report: Report) -> Overview:
    now, before = compared(report.period, report.today)
    buckets = [*before.slices(SPARKS), *now.slices(SPARKS)]
    earlier = len(before.slices(SPARKS))
    ended = report.start(now.end)
    held_now = report.piles(report.open_deals()) if ended > report.now else report.piles_at(ended)
    return overview(
        now=held_now,
        back=report.back(_known(report, buckets)),
        closings=report.closings(buckets),
        made=report.made(buckets),
        reasons=history.lost_reasons(report.scope, Span(report.start(now.first), report.start(now.end))),
        stages=report.on.stages,
        buckets=(earlier, len(buckets) - earlier),
    )


def _known(report: Report, buckets: Sequence[Period]) -> list[datetime]:
    """Where the buckets begin, as far back as history reaches, and where the last of them ends."""
    known = report.known_from
    begun = [report.start(each.first) for each in buckets]
    return [*(at for at in begun if known and known < at), report.start(buckets[-1].end)]
