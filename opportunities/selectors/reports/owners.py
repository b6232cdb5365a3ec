from opportunities.reports.owners import OwnersRows
from opportunities.selectors.selection import IN_STAGE_SINCE

from .ages import is_stale
from .closings import count_closings
from .query import ReportQuery


def fetch_rows(query: ReportQuery) -> OwnersRows:
    now = query.period.until(query.today)
    held = query.open_deals().annotate(since=IN_STAGE_SINCE)
    return OwnersRows(
        held=query.count_by_stage(held, "owner", "book", stale=is_stale(query)),
        closings=count_closings(query, [now], "owner", "book"),
        creations=query.creations([now], "owner", "book"),
        stages=query.scope.stages,
    )
