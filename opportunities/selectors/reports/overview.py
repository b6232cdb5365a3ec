from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from opportunities.periods import Period, compared
from opportunities.reports.overview import OverviewRows

from .behind import DealsBehind
from .closings import count_closings, count_lost_reasons, list_closings
from .history import Span
from .lines import MOST_LISTED
from .query import BY_VALUE, ReportQuery
from .undated import list_undated

SPARK_STRETCHES = 6
CLOSED = {"won": ("won",), "lost": ("lost",), "decided": ("won", "lost")}


def fetch_rows(query: ReportQuery) -> OverviewRows:
    now, before = compared(query.period, query.today)
    earlier, current = before.slices(SPARK_STRETCHES), now.slices(SPARK_STRETCHES)
    stretches = [*earlier, *current]
    end = query.start(now.end)
    held = query.count_by_stage(query.open_deals()) if end > query.now else query.counts_at(end)
    return OverviewRows(
        now=now,
        before=before,
        held=held,
        back=query.steps_back(_known_edges(query, stretches)),
        closings=count_closings(query, stretches),
        creations=query.creations(stretches),
        reasons=count_lost_reasons(query, _span_of(query, now)),
        stages=query.scope.stages,
        earlier=len(earlier),
        current=len(current),
        knows_open=end > query.now or (query.known_from is not None and query.known_from < end),
    )


def _known_edges(query: ReportQuery, stretches: Sequence[Period]) -> list[datetime]:
    """Where the stretches begin, as far back as history reaches, and where the last of them ends."""
    first_known = query.known_from
    begun = [query.start(stretch.first) for stretch in stretches]
    return [*(at for at in begun if first_known and first_known < at), query.start(stretches[-1].end)]


def _span_of(query: ReportQuery, period: Period) -> Span:
    return Span(query.start(period.first), query.start(period.end))


def fetch_behind(query: ReportQuery, key: str) -> DealsBehind | None:
    now, _ = compared(query.period, query.today)
    span = _span_of(query, now)
    if key in CLOSED:
        return list_closings(query, span, CLOSED[key])
    if key == "created":
        rows = query.deals().filter(created_at__gte=span.first, created_at__lt=span.last)
        lines = query.deal_lines(rows.order_by(*BY_VALUE).values_list("pk", flat=True)[:MOST_LISTED])
        created = [replace(line, effect=line.value, what="new", at=line.created) for line in lines]
        return DealsBehind(created, rows.count())
    return list_undated(query) if key == "undated" else None
