from opportunities.reports.funnel import FATES, FunnelRows, fate_of

from . import history
from .behind import DealsBehind
from .lines import MOST_LISTED, change_lines
from .query import ReportQuery


def fetch_rows(query: ReportQuery) -> FunnelRows:
    visits = history.count_visits(query.deal_scope, query.span(query.period), query.known_from)
    return FunnelRows(visits, query.stages)


def fetch_behind(query: ReportQuery, key: str) -> DealsBehind | None:
    fate, _, stage = key.partition(":")
    if fate not in FATES or stage not in query.scope.stages:
        return None
    visits = history.list_visits(query.deal_scope, query.span(query.period), query.known_from, stage)
    wanted = [
        (change, query.stage_name(visit.then) or "Still there", change.movement.after_value)
        for change, visit in visits
        if fate in ("entered", fate_of(visit, query.scope.stages))
    ]
    return DealsBehind(change_lines(query, wanted[:MOST_LISTED]), len(wanted))
