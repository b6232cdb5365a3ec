from opportunities.reports.owners import Owners, owners
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import is_stale
from .report import Report


def owners_of(report: Report) -> Owners:
    now = report.period.until(report.today)
    held = report.open_deals().annotate(since=IN_STAGE_SINCE)
    return owners(
        now=report.piles(held, "owner", "book", stale=is_stale(report)),
        closings=report.closings([now], "owner", "book"),
        made=report.made([now], "owner", "book"),
        stages=report.on.stages,
    )
