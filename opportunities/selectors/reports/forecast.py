from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, F, FloatField, IntegerField, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Coalesce

from opportunities.models import Member, Target
from opportunities.periods import Period
from opportunities.reports.forecast import ForecastRows
from opportunities.reports.forecast.numbers import EARLIER, LATER, OVERDUE, UNDATED, DueDeals
from opportunities.reports.rows import NOTHING, Amount, DealLine
from opportunities.reports.spread import GRID_UP_TO, Deal, Moments

from .closings import count_closings
from .query import ReportQuery
from .scope import ReportScope

HEAVIEST = 3
# The database counts in integers: a month is its number, what is outside of the period a negative one.
OUTSIDE = {-1: OVERDUE, -2: UNDATED, -3: EARLIER, -4: LATER}


def fetch_rows(query: ReportQuery) -> ForecastRows:
    """The period is rounded out to whole fiscal quarters, so that targets compare."""
    quarters = query.period.quarters(settings.FISCAL_YEAR_START_MONTH)
    period = Period(quarters[0].first, quarters[-1].last)
    months, today = period.months(), query.today
    rows = query.open_deals().annotate(chance=_chance(query.scope), when=_when(months, today))
    due = _due(rows)
    inside = rows.filter(target_close_date__gte=max(today, period.first), target_close_date__lte=period.last)
    return ForecastRows(
        period=period,
        months=months,
        quarters=quarters,
        due=due,
        won=count_closings(query, months, "owner"),
        singles=_singles(inside, quarters, _small_quarters(due, months, quarters)),
        targets=_targets(query, quarters),
        largest=_largest_due(query, inside),
        by_quarter=query.filters.by_quarter,
    )


def _targets(query: ReportQuery, quarters: Sequence[Period]) -> dict[tuple[str, date], int]:
    """Targets cover all of a person's books, so they are not compared with one pipeline or book alone."""
    if query.filters.pipeline or query.filters.book:
        return {}
    rows = Target.objects.filter(quarter__in=[quarter.first for quarter in quarters])
    amounts = {(row.member_id, row.quarter): row.amount for row in rows}
    people = _people_seen_whole(query, {member for member, _ in amounts}) if amounts else set()
    return {key: amount for key, amount in amounts.items() if key[0] in people}


def _people_seen_whole(query: ReportQuery, people: set[str]) -> set[str]:
    """Those whose deals the viewer sees in all their books: of others, a part would stand for the whole.

    Who sees all books also sees the targets of people who left.
    """
    scope = query.scope
    if query.deal_scope.owners is not None:
        people = people & set(query.deal_scope.owners)
    if scope.person.is_manager or scope.person.is_compliance:
        return people
    colleagues = people & set(scope.members)
    elsewhere = Member.objects.filter(user_id__in=colleagues, book__gone_at=None).exclude(
        book_id__in=scope.books
    )
    return colleagues - set(elsewhere.values_list("user_id", flat=True))


def _chance(scope: ReportScope) -> Coalesce:
    """A deal's own probability, else its stage's (Slant API 10.12)."""
    defaults: dict[int, list[str]] = {}
    for stage in scope.stages.values():
        if stage.default_probability is not None:
            defaults.setdefault(stage.default_probability, []).append(stage.id)
    cases = [When(stage_id__in=ids, then=Value(percent)) for percent, ids in defaults.items()]
    return Coalesce(F("probability"), Case(*cases, default=Value(None), output_field=IntegerField()))


def _when(months: Sequence[Period], today: date) -> Case:
    """The month's number, or a number of `OUTSIDE`."""
    outside = [
        When(target_close_date=None, then=Value(-2)),
        When(target_close_date__lt=today, then=Value(-1)),
        When(target_close_date__lt=months[0].first, then=Value(-3)),
        When(target_close_date__gt=months[-1].last, then=Value(-4)),
    ]
    inside = [
        When(target_close_date__lte=month.last, then=Value(number)) for number, month in enumerate(months)
    ]
    return Case(*outside, *inside, output_field=IntegerField())


def _due(rows: QuerySet[Any]) -> list[DueDeals]:
    """Sums by month and owner.

    Deals of one probability are counted together: the moments of their sum follow from the sums of their
    values, of the squares and of the cubes.
    """
    value = Cast(F("value"), FloatField())
    groups = rows.values_list("when", "assigned_to_id", "chance").annotate(
        n_deals=Count("pk"),
        n_valued=Count("value"),
        s_value=Coalesce(Sum("value"), 0),
        s_squares=Coalesce(Sum(value * value, output_field=FloatField()), 0.0),
        s_cubes=Coalesce(Sum(value * value * value, output_field=FloatField()), 0.0),
    )
    sums: dict[tuple[int, str], tuple[Amount, Moments]] = {}
    for when, owner, percent, deals, valued, worth, squares, cubes in groups:
        amount, moments = sums.get((when, owner), (NOTHING, Moments()))
        weighted = worth * (percent or 0)
        unweighted = valued if percent is None else 0
        amount += Amount(deals, worth, weighted, deals - valued, unweighted)
        if percent is not None:
            chance = percent / 100
            spread = chance * (1 - chance)
            moments += Moments(valued, worth, weighted, squares * spread, cubes * spread * (1 - 2 * chance))
        sums[when, owner] = (amount, moments)
    return [
        DueDeals(OUTSIDE.get(when, when), owner, amount, moments)
        for (when, owner), (amount, moments) in sums.items()
    ]


def _small_quarters(
    due: Sequence[DueDeals], months: Sequence[Period], quarters: Sequence[Period]
) -> list[int]:
    """The numbers of the quarters with so few deals that they are counted one by one."""
    deals = dict.fromkeys(range(len(quarters)), 0)
    for row in due:
        if isinstance(row.when, int):
            first = months[row.when].first
            deals[next(number for number in deals if first in quarters[number])] += row.amount.deals
    return [number for number, count in deals.items() if count <= GRID_UP_TO]


def _singles(rows: QuerySet[Any], quarters: Sequence[Period], few: Sequence[int]) -> dict[int, list[Deal]]:
    """The deals due in the quarters that have few, by the quarter's number. One query, or none."""
    deals: dict[int, list[Deal]] = {number: [] for number in few}
    if not few:
        return deals
    due = Q(pk__in=[])
    for number in few:
        due |= Q(target_close_date__range=(quarters[number].first, quarters[number].last))
    weighed = rows.filter(due, value__isnull=False, chance__isnull=False)
    for day, value, chance in weighed.values_list("target_close_date", "value", "chance"):
        number = next(number for number in few if day in quarters[number])
        deals[number].append(Deal(value, chance))
    return deals


def _largest_due(query: ReportQuery, rows: QuerySet[Any]) -> list[DealLine]:
    """The deals that weigh most, their weight as `effect`."""
    weight = F("value") * F("chance")
    heaviest = rows.filter(value__gt=0, chance__gt=0).annotate(weight=weight).order_by("-weight", "pk")
    weights = dict(heaviest.values_list("pk", "weight")[:HEAVIEST])
    return [replace(line, effect=weights[line.id]) for line in query.deal_lines(weights)]
