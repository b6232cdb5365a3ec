from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce

from opportunities.models import Target
from opportunities.periods import Period
from opportunities.reports import forecast as forecasting
from opportunities.reports.forecast import EARLIER, LATER, OVERDUE, UNDATED, Due, Forecast
from opportunities.reports.rows import NOTHING, Amount, Line
from opportunities.reports.spread import GRID_UP_TO, Deal, Moments

from .ground import Ground
from .report import Report

HEAVIEST = 3


def forecast_of(report: Report, *, by_quarter: bool = False) -> Forecast:
    """The period rounded out to whole fiscal quarters, so that targets compare."""
    starts = settings.FISCAL_YEAR_START_MONTH
    quarters = report.period.quarters(starts)
    period = Period(quarters[0].first, quarters[-1].last)
    months, today = period.months(), report.today
    rows = report.open_deals().annotate(chance=_chance(report.on), when=_when(months, today))
    due = _due(rows)
    few = [
        number
        for number, quarter in enumerate(quarters)
        if sum(
            each.amount.deals
            for each in due
            if isinstance(each.when, int) and months[each.when].first in quarter
        )
        <= GRID_UP_TO
    ]
    inside = rows.filter(target_close_date__gte=max(today, period.first), target_close_date__lte=period.last)
    targets = Target.objects.filter(quarter__in=[quarter.first for quarter in quarters])
    mine = _targets_seen(report)
    return forecasting.forecast(
        period=period,
        months=months,
        quarters=quarters,
        due=due,
        won=report.closings(months, "owner"),
        singles=_singles(inside, quarters, few),
        targets={(row.member_id, row.quarter): row.amount for row in targets if mine(row.member_id)},
        largest=_largest_due(report, inside),
        by_quarter=by_quarter,
    )


def _targets_seen(report: Report) -> Callable[[str], bool]:
    """Targets are a person's over all their books, so a pipeline or a book alone cannot be held against them."""
    if report.asked.pipeline or report.asked.book:
        return lambda member: False
    chosen = report.scope.owners
    return lambda member: member in report.on.members if chosen is None else member in chosen


def _chance(on: Ground) -> Coalesce:
    """A deal's own probability, else its stage's (Slant API 10.12)."""
    defaults: dict[int, list[str]] = {}
    for stage in on.stages.values():
        if stage.default_probability is not None:
            defaults.setdefault(stage.default_probability, []).append(stage.id)
    cases = [When(stage_id__in=ids, then=Value(percent)) for percent, ids in defaults.items()]
    return Coalesce(F("probability"), Case(*cases, default=Value(None), output_field=IntegerField()))


def _when(months: Sequence[Period], today: date) -> Case:
    """The month's number, or a negative one for what stands apart."""
    apart = [
        When(target_close_date=None, then=Value(-2)),
        When(target_close_date__lt=today, then=Value(-1)),
        When(target_close_date__lt=months[0].first, then=Value(-3)),
        When(target_close_date__gt=months[-1].last, then=Value(-4)),
    ]
    inside = [
        When(target_close_date__lte=month.last, then=Value(place)) for place, month in enumerate(months)
    ]
    return Case(*apart, *inside, output_field=IntegerField())


def _place(when: int) -> int | str:
    return when if when >= 0 else {-1: OVERDUE, -2: UNDATED, -3: EARLIER, -4: LATER}[when]


def _due(rows: QuerySet[Any]) -> list[Due]:
    """Sums by stretch and owner. Deals of one probability are counted together: the moments of their sum
    follow from the sums of their values, of the squares and of the cubes.
    """
    value = Cast(F("value"), FloatField())
    found = rows.values_list("when", "assigned_to_id", "chance").annotate(
        n_deals=Count("pk"),
        n_valued=Count("value"),
        s_value=Coalesce(Sum("value"), 0),
        s_squares=Coalesce(Sum(value * value, output_field=FloatField()), 0.0),
        s_cubes=Coalesce(Sum(value * value * value, output_field=FloatField()), 0.0),
    )
    sums: dict[tuple[int, str], tuple[Amount, Moments]] = {}
    for when, owner, percent, deals, valued, worth, squares, cubes in found:
        amount, moments = sums.get((when, owner), (NOTHING, Moments()))
        weighted = worth * (percent or 0)
        unweighted = valued if percent is None else 0
        amount += Amount(deals, worth, weighted, deals - valued, unweighted)
        if percent is not None:
            chance = percent / 100
            spread = chance * (1 - chance)
            moments += Moments(valued, worth, weighted, squares * spread, cubes * spread * (1 - 2 * chance))
        sums[when, owner] = (amount, moments)
    return [Due(_place(when), owner, *both) for (when, owner), both in sums.items()]


def _singles(rows: QuerySet[Any], quarters: Sequence[Period], few: Sequence[int]) -> dict[int, list[Deal]]:
    """The deals due in the quarters that have few, by the quarter's number. One query, or none."""
    found: dict[int, list[Deal]] = {number: [] for number in few}
    wanted = Q(pk__in=[])
    for number in few:
        wanted |= Q(target_close_date__range=(quarters[number].first, quarters[number].last))
    weighed = rows.filter(wanted, value__isnull=False, chance__isnull=False)
    for day, value, chance in weighed.values_list("target_close_date", "value", "chance") if few else ():
        number = next(each for each in few if day in quarters[each])
        found[number].append(Deal(value, chance))
    return found


def _largest_due(report: Report, rows: QuerySet[Any]) -> list[Line]:
    weight = F("value") * F("chance")
    heaviest = rows.filter(value__gt=0, chance__gt=0).annotate(weight=weight).order_by("-weight", "pk")
    weights = dict(heaviest.values_list("pk", "weight")[:HEAVIEST])
    return [replace(line, effect=weights[line.id]) for line in report.lines(weights)]
