"""The deals behind a number."""

from dataclasses import dataclass

from opportunities.reports.rows import DealLine
from opportunities.selection import Selection
from opportunities.selectors.selection import deals

from .lines import MOST_LISTED
from .query import BY_VALUE, ReportQuery


@dataclass(frozen=True)
class DealsBehind:
    """`whole` is how many deals there are, `lines` the first of them."""

    lines: list[DealLine]
    whole: int


def open_deals_behind(query: ReportQuery, selection: Selection) -> DealsBehind:
    """Open deals of today within the report's filters and `selection`, the most valuable first."""
    chosen = deals(query.scope.person, selection, query.now)
    rows = query.open_deals().filter(pk__in=chosen.values("pk"))
    lines = query.deal_lines(rows.order_by(*BY_VALUE).values_list("pk", flat=True)[:MOST_LISTED])
    return DealsBehind(lines, rows.count())
