from opportunities.reports.overview import Overview, overview
from opportunities.reports.periods import compared

from .report import Report

SPARKS = 6


def overview_of(report: Report) -> Overview:
    now, before = compared(report.period, report.today)
    buckets = [*before.slices(SPARKS), *now.slices(SPARKS)]
    earlier = len(before.slices(SPARKS))
    started, ended = report.start(now.first), report.start(now.end)
    known = report.known_from
    held_before = report.piles_at(started) if known and known < started else None
    held_now = report.piles(report.open_deals()) if ended > report.now else report.piles_at(ended)
    return overview(
        now=held_now,
        before=held_before,
        closings=report.closings(buckets),
        made=report.made(buckets),
        stages=report.on.stages,
        buckets=(earlier, len(buckets) - earlier),
    )
