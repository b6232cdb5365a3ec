from collections.abc import Sequence

from django.db.models import Case, Count, IntegerField, Q, Value, When

from opportunities.periods import Period, later, month_of
from opportunities.reports.velocity import Velocity, velocity

from .report import Report

VELOCITY_MONTHS = 12


def velocity_of(report: Report) -> Velocity:
    """The months of the period, at most twelve, the last of them the one that is running."""
    last = month_of(min(report.period.last, report.today))
    first = max(month_of(report.period.first).first, later(last.first, 1 - VELOCITY_MONTHS))
    months = Period(first, last.last).months()
    worked = _worked(report, months)
    return velocity(months=months, worked=worked, closings=report.closings(months))


def _worked(report: Report, months: Sequence[Period]) -> list[int]:
    """How many deals were open at some time in each month: created before its end, and not closed before it
    began.

    From the mirror: Slant dates a deal's creation and its last move, so this reaches back further than
    history.
    """
    edges = report.moments_of(months)
    opened = Case(
        *(When(created_at__lt=edge, then=Value(place)) for place, edge in enumerate(edges[1:])),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    closed = Q(stage_id__in=report.on.closed_stages)
    ended = Case(
        When(~closed, then=Value(len(months))),
        *(When(stage_updated_at__lt=edge, then=Value(place - 1)) for place, edge in enumerate(edges)),
        default=Value(len(months)),
        output_field=IntegerField(),
    )
    rows = (
        report.deals()
        .annotate(opened=opened, ended=ended)
        .values_list("opened", "ended")
        .annotate(n_deals=Count("pk"))
    )
    counts = list(rows)
    return [
        sum(deals for begun, over, deals in counts if begun <= place <= over) for place in range(len(months))
    ]
