"""The numbers of the forecast."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from opportunities.periods import Period
from opportunities.reports.measures import coverage
from opportunities.reports.rows import NOTHING, WON, Amount, Closing, DealLine, add_amounts
from opportunities.reports.spread import (
    GRID_UP_TO,
    Deal,
    Moments,
    Spread,
    estimate_spread,
    spread_from_moments,
)

OVERDUE, UNDATED, EARLIER, LATER = "overdue", "undated", "earlier", "later"
OUTSIDE_PERIOD = (OVERDUE, UNDATED, EARLIER, LATER)
# Shown even without deals, so that a zero is seen as one.
ALWAYS_SHOWN = (OVERDUE, UNDATED)


@dataclass(frozen=True)
class DueDeals:
    """Open deals of one owner due in one month. `when` is the month's number, or a word of `OUTSIDE_PERIOD`.

    `moments` are those of the deals that can be weighted.
    """

    when: int | str
    owner: str
    amount: Amount
    moments: Moments


@dataclass(frozen=True)
class ForecastRows:
    """`due` and `won` are counted by `months`; `period` holds whole fiscal `quarters`.

    `singles` holds, by the number of a quarter, the deals due in it one by one, where they are few enough.
    The spread of other quarters comes from their moments. `targets` are by owner and first day of the
    quarter. `largest` are the deals that weigh most, their weight as `effect`.
    """

    period: Period
    months: Sequence[Period]
    quarters: Sequence[Period]
    due: Sequence[DueDeals]
    won: Sequence[Closing]
    singles: Mapping[int, Sequence[Deal]] = field(default_factory=dict)
    targets: Mapping[tuple[str, date], int] = field(default_factory=dict)
    largest: Sequence[DealLine] = ()
    by_quarter: bool = False

    def months_within(self, period: Period) -> set[int]:
        return {number for number, month in enumerate(self.months) if month.first in period}

    def won_in(self, months: Collection[int]) -> Amount:
        return add_amounts(_amount(row) for row in self.won if row.meaning == WON and row.bucket in months)

    def due_in(self, months: Collection[int | str]) -> Amount:
        return add_amounts(row.amount for row in self.due if row.when in months)


@dataclass(frozen=True)
class Stretch:
    """A row of the forecast. `period` is None where `key` is a word of `OUTSIDE_PERIOD`."""

    key: str
    period: Period | None
    won: Amount
    open: Amount

    @property
    def best(self) -> int:
        """Won so far and everything due at its full value."""
        return self.won.value + self.open.value

    @property
    def expected(self) -> int:
        """Won so far and the weighted value due, in hundredths of a dollar."""
        return self.won.value * 100 + self.open.weighted


@dataclass(frozen=True)
class TargetForecast:
    """One person's target of one quarter, beside what they won and have due in that quarter. Dollars.

    An empty `owner`: everybody who has a target in that quarter, together.
    """

    owner: str
    quarter: Period
    target: int
    won: int
    open: int

    @property
    def reached(self) -> float | None:
        """The share of the target that is won."""
        return self.won / self.target if self.target else None

    @property
    def coverage(self) -> float | None:
        return coverage(self.open, self.won, self.target)


@dataclass(frozen=True)
class QuarterForecast:
    """A fiscal quarter: what is won, what the deals due in it may bring on top, and its target."""

    period: Period
    won: Amount
    open: Amount
    spread: Spread | None
    # Of the people who have a target alone, so that like is compared with like.
    target: TargetForecast | None = None

    @property
    def low(self) -> int:
        return self.won.value + (self.spread.p10 if self.spread else 0)

    @property
    def middle(self) -> int:
        return self.won.value + (self.spread.p50 if self.spread else 0)

    @property
    def high(self) -> int:
        return self.won.value + (self.spread.p90 if self.spread else 0)


@dataclass(frozen=True)
class OwnerForecast:
    owner: str
    won: Amount
    open: Amount

    @property
    def is_empty(self) -> bool:
        return not (self.won.deals or self.open.deals)


@dataclass(frozen=True)
class Forecast:
    """`rows` are the months or quarters; `outside` holds what is due in none of them."""

    period: Period
    rows: tuple[Stretch, ...]
    outside: tuple[Stretch, ...]
    quarters: tuple[QuarterForecast, ...]
    owners: tuple[OwnerForecast, ...]
    targets: tuple[TargetForecast, ...] = ()
    largest: tuple[DealLine, ...] = ()

    @property
    def open(self) -> Amount:
        """Every open deal, due in the period or not."""
        return add_amounts(row.open for row in (*self.rows, *self.outside))

    @property
    def due(self) -> Amount:
        return add_amounts(row.open for row in self.rows)

    @property
    def won(self) -> Amount:
        return add_amounts(row.won for row in self.rows)

    @property
    def has_targets(self) -> bool:
        return bool(self.targets)


def calculate(rows: ForecastRows) -> Forecast:
    return Forecast(
        rows.period,
        tuple(_stretches(rows)),
        tuple(_stretches_outside(rows)),
        tuple(_quarter(rows, number, quarter) for number, quarter in enumerate(rows.quarters)),
        tuple(_by_owner(rows)),
        tuple(_by_target(rows)),
        tuple(rows.largest),
    )


def _stretches(rows: ForecastRows) -> Iterable[Stretch]:
    for number, period in enumerate(rows.quarters if rows.by_quarter else rows.months):
        months = rows.months_within(period)
        yield Stretch(str(number), period, rows.won_in(months), rows.due_in(months))


def _stretches_outside(rows: ForecastRows) -> Iterable[Stretch]:
    for key in OUTSIDE_PERIOD:
        amount = rows.due_in([key])
        if amount.deals or key in ALWAYS_SHOWN:
            yield Stretch(key, None, NOTHING, amount)


def _quarter(rows: ForecastRows, number: int, quarter: Period) -> QuarterForecast:
    months = rows.months_within(quarter)
    due = rows.due_in(months)
    spread = _spread_of_quarter(rows, number, months) if due.deals else None
    people = {owner for owner, first in rows.targets if first == quarter.first}
    together = _target(rows, quarter, people) if people else None
    return QuarterForecast(quarter, rows.won_in(months), due, spread, together)


def _by_target(rows: ForecastRows) -> Iterable[TargetForecast]:
    """By quarter, the largest target first."""
    for quarter in rows.quarters:
        amounts = {owner: amount for (owner, first), amount in rows.targets.items() if first == quarter.first}
        for owner in sorted(amounts, key=lambda owner: (-amounts[owner], owner)):
            yield _target(rows, quarter, {owner}, owner)


def _target(rows: ForecastRows, quarter: Period, people: Collection[str], owner: str = "") -> TargetForecast:
    """What these people are to win in the quarter, and what they won and have due in it."""
    months = rows.months_within(quarter)
    due = [row.amount.value for row in rows.due if row.owner in people and row.when in months]
    won = [
        row.value for row in rows.won if row.meaning == WON and row.owner in people and row.bucket in months
    ]
    amounts = [rows.targets.get((person, quarter.first), 0) for person in people]
    return TargetForecast(owner, quarter, sum(amounts), sum(won), sum(due))


def _spread_of_quarter(rows: ForecastRows, number: int, months: Collection[int]) -> Spread:
    singles = rows.singles.get(number)
    if singles is not None and len(singles) <= GRID_UP_TO:
        return estimate_spread(singles)
    return spread_from_moments(sum((row.moments for row in rows.due if row.when in months), Moments()))


def _by_owner(rows: ForecastRows) -> list[OwnerForecast]:
    """The largest by what is won and weighted first; who has no deals is left out."""
    owners = {row.owner for row in rows.due} | {row.owner for row in rows.won}
    forecasts = [_owner(rows, owner) for owner in owners]
    return sorted(
        (row for row in forecasts if not row.is_empty),
        key=lambda row: (-(row.won.value * 100 + row.open.weighted), row.owner),
    )


def _owner(rows: ForecastRows, owner: str) -> OwnerForecast:
    won = [row for row in rows.won if row.owner == owner and row.meaning == WON]
    due = [row.amount for row in rows.due if row.owner == owner and row.when not in OUTSIDE_PERIOD]
    return OwnerForecast(owner, add_amounts(map(_amount, won)), add_amounts(due))


def _amount(closing: Closing) -> Amount:
    return Amount(closing.deals, closing.value, closing.value * 100, closing.valueless)
