from collections.abc import Sequence

from django.db.models import Case, Count, IntegerField, Q, Value, When

from opportunities.periods import Period, later, month_of
from opportunities.reports.velocity import VelocityRows
from opportunities.selectors.selection import IS_UNDATED

from .closings import count_closings
from .query import ReportQuery

MOST_MONTHS = 12


def fetch_rows(query: ReportQuery) -> VelocityRows:
    """The months of the period, at most twelve, until the running one."""
    if query.period.first > query.today:
        return VelocityRows([], [], [])
    last = month_of(min(query.period.last, query.today))
    first = max(month_of(query.period.first).first, later(last.first, 1 - MOST_MONTHS))
    months = Period(first, last.last).months()
    return VelocityRows(months, _count_worked(query, months), count_closings(query, months))


def _count_worked(query: ReportQuery, months: Sequence[Period]) -> list[int]:
    """Deals open at some time in each month: created before its end, and not closed before it began.

    From the mirror: Slant dates a deal's creation and its last move, so this reaches back further than
    history.
    """
    edges = query.edges_of(months)
    opened = Case(
        *(When(created_at__lt=edge, then=Value(place)) for place, edge in enumerate(edges[1:])),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    closed = Q(stage_id__in=query.scope.closed_stages)
    ended = Case(
        When(~closed, then=Value(len(months))),
        # Closed on a day nobody knows: in no month.
        When(IS_UNDATED, then=Value(-1)),
        *(When(stage_updated_at__lt=edge, then=Value(place - 1)) for place, edge in enumerate(edges)),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    rows = (
        query.deals()
        .annotate(opened=opened, ended=ended)
        .values_list("opened", "ended")
        .annotate(n_deals=Count("pk"))
    )
    counts = list(rows)
    return [
        sum(deals for begun, over, deals in counts if begun <= place <= over) for place in range(len(months))
    ]
