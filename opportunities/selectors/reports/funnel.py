from opportunities.reports.funnel import VISIT_OUTCOMES, FunnelRows, visit_outcome

from . import history
from .behind import DealsBehind
from .lines import MOST_LISTED, change_lines
from .query import ReportQuery


def fetch_rows(query: ReportQuery) -> FunnelRows:
    visits = history.count_visits(query.deal_scope, query.span(query.period), query.known_from)
    return FunnelRows(visits, query.stages)


def fetch_behind(query: ReportQuery, key: str) -> DealsBehind | None:
    outcome, _, stage = key.partition(":")
    if outcome not in VISIT_OUTCOMES or stage not in query.scope.stages:
        return None
    visits = history.list_visits(query.deal_scope, query.span(query.period), query.known_from, stage)
    wanted = [
        (change, query.stage_name(visit.then) or "Still there", change.movement.after_value)
        for change, visit in visits
        if outcome in ("entered", visit_outcome(visit, query.scope.stages))
    ]
    return DealsBehind(change_lines(query, wanted[:MOST_LISTED]), len(wanted))
