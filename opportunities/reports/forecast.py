"""What will close: by month or fiscal quarter of target close, how sure that is, and against the targets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from opportunities.periods import Period

from .rows import NOTHING, WON, Amount, Closing, Line
from .spread import GRID_UP_TO, Deal, Moments, Spread, from_moments, spread

OVERDUE, UNDATED, EARLIER, LATER = "overdue", "undated", "earlier", "later"


@dataclass(frozen=True)
class Due:
    """Open deals of one owner that are to close in one stretch: `when` is a bucket's number, or one of the
    words above.

    `moments` are those of the deals that can be weighted.
    """

    when: int | str
    owner: str
    amount: Amount
    moments: Moments


@dataclass(frozen=True)
class Stretch:
    """A row of the forecast. `period` None: one of the words instead of days."""

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
class Quarter:
    """A fiscal quarter: what is won, what the deals due in it may bring on top, and what was aimed for."""

    period: Period
    won: Amount
    open: Amount
    spread: Spread | None
    target: int | None

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
    target: int | None

    @property
    def reached(self) -> float | None:
        """The share of the target that is won."""
        return self.won.value / self.target if self.target else None


@dataclass(frozen=True)
class Forecast:
    period: Period
    rows: tuple[Stretch, ...]
    apart: tuple[Stretch, ...]
    quarters: tuple[Quarter, ...]
    owners: tuple[OwnerForecast, ...]
    largest: tuple[Line, ...] = ()

    @property
    def open(self) -> Amount:
        """Every open deal: what is due in the period, and what stands apart."""
        return sum((row.open for row in (*self.rows, *self.apart)), NOTHING)

    @property
    def due(self) -> Amount:
        return sum((row.open for row in self.rows), NOTHING)

    @property
    def won(self) -> Amount:
        return sum((row.won for row in self.rows), NOTHING)


def forecast(
    *,
    period: Period,
    months: Sequence[Period],
    quarters: Sequence[Period],
    due: Sequence[Due],
    won: Sequence[Closing],
    singles: Mapping[int, Sequence[Deal]],
    targets: Mapping[tuple[str, date], int],
    largest: Sequence[Line] = (),
    by_quarter: bool = False,
) -> Forecast:
    """`due` and `won` are counted by `months` (buckets). `singles` holds, by quarter, the deals due in it one
    by one where they are few enough for that; quarters without are told from their moments. `targets` are by
    owner and first day of the quarter; `largest` are the deals that weigh most, their weight as `effect`.
    """

    def won_in(places: set[int]) -> Amount:
        return sum((_amount(each) for each in won if each.meaning == WON and each.bucket in places), NOTHING)

    def due_in(places: Iterable[int | str]) -> Amount:
        wanted = set(places)
        return sum((each.amount for each in due if each.when in wanted), NOTHING)

    def places_of(stretch: Period) -> set[int]:
        return {place for place, month in enumerate(months) if month.first in stretch}

    stretches = quarters if by_quarter else months
    rows = tuple(
        Stretch(str(place), each, won_in(places_of(each)), due_in(places_of(each)))
        for place, each in enumerate(stretches)
    )
    apart = tuple(
        Stretch(key, None, NOTHING, amount)
        for key in (OVERDUE, UNDATED, EARLIER, LATER)
        if (amount := due_in([key])).deals or key in (OVERDUE, UNDATED)
    )
    told = []
    for number, quarter in enumerate(quarters):
        places = places_of(quarter)
        held = due_in(places)
        told.append(
            Quarter(
                quarter,
                won_in(places),
                held,
                _spread(singles.get(number), (d.moments for d in due if d.when in places))
                if held.deals
                else None,
                _sum(amount for (_, first), amount in targets.items() if first == quarter.first),
            )
        )
    return Forecast(period, rows, apart, tuple(told), _owners(quarters, due, won, targets), tuple(largest))


def _owners(
    quarters: Sequence[Period],
    due: Sequence[Due],
    won: Sequence[Closing],
    targets: Mapping[tuple[str, date], int],
) -> tuple[OwnerForecast, ...]:
    firsts = {quarter.first for quarter in quarters}
    names = {each.owner for each in due} | {each.owner for each in won}
    names |= {owner for owner, first in targets if first in firsts}
    found = [
        OwnerForecast(
            owner,
            sum((_amount(each) for each in won if each.owner == owner and each.meaning == WON), NOTHING),
            sum((each.amount for each in due if each.owner == owner and isinstance(each.when, int)), NOTHING),
            _sum(amount for (whose, first), amount in targets.items() if whose == owner and first in firsts),
        )
        for owner in names
    ]
    found = [each for each in found if each.won.deals or each.open.deals or each.target]
    return tuple(sorted(found, key=lambda each: (-(each.won.value * 100 + each.open.weighted), each.owner)))


def _spread(singles: Sequence[Deal] | None, parts: Iterable[Moments]) -> Spread:
    if singles is not None and len(singles) <= GRID_UP_TO:
        return spread(singles)
    return from_moments(sum(parts, Moments()))


def _amount(closing: Closing) -> Amount:
    return Amount(closing.deals, closing.value, closing.value * 100, closing.valueless)


def _sum(amounts: Iterable[int]) -> int | None:
    listed = list(amounts)
    return sum(listed) if listed else None
