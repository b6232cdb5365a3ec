"""Deals that were won or lost without a date of it (selection.IS_UNDATED)."""

from collections.abc import Mapping
from dataclasses import replace

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from opportunities.models import Opportunity
from opportunities.reports.measures import LOST, WON
from opportunities.reports.undated import UndatedCount
from opportunities.selectors.selection import IS_UNDATED

from .behind import DealsBehind
from .lines import MOST_LISTED
from .query import BY_VALUE, ReportQuery


def count_undated(query: ReportQuery) -> list[UndatedCount]:
    """Won, then lost. No query where the scope knows of none; else one, of an index of them alone."""
    meanings = _meanings(query)
    if not any(query.scope.stages[stage].has_undated for stage in meanings):
        return []
    counts = dict.fromkeys((WON, LOST), (0, 0))
    rows = _undated(query).values_list("stage_id")
    for stage, deals, value in rows.annotate(n_deals=Count("pk"), s_value=Coalesce(Sum("value"), 0)):
        before = counts[meanings[stage]]
        counts[meanings[stage]] = (before[0] + deals, before[1] + value)
    return [UndatedCount(meaning, *sums) for meaning, sums in counts.items()]


def list_undated(query: ReportQuery) -> DealsBehind:
    rows = _undated(query)
    first = dict(rows.order_by(*BY_VALUE).values_list("pk", "stage_id")[:MOST_LISTED])
    meanings = _meanings(query)
    lines = [
        replace(line, effect=line.value, what=meanings[first[line.id]]) for line in query.deal_lines(first)
    ]
    return DealsBehind(lines, rows.count())


def _meanings(query: ReportQuery) -> Mapping[str, str]:
    return {id: stage.meaning for id, stage in query.scope.stages.items() if stage.meaning in (WON, LOST)}


def _undated(query: ReportQuery) -> QuerySet[Opportunity]:
    return query.deals().filter(IS_UNDATED, stage_id__in=list(_meanings(query)))
