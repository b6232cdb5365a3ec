"""Calendar days, months and fiscal quarters. A period is days, both ends included."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """From `first` to `last`, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def end(self) -> date:
        """The day after."""
        return self.last + DAY

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def until(self, today: date) -> "Period":
        """As much of it as has begun; a period still to come is left as it is."""
        return Period(self.first, today) if today in self else self

    def months(self) -> list["Period"]:
        """Its calendar months, the first and the last cut to it."""
        return list(self._cut(month_of(self.first), 1))

    def quarters(self, year_starts: int) -> list["Period"]:
        """The whole fiscal quarters it touches."""
        whole, quarter = [], quarter_of(self.first, year_starts)
        while quarter.first <= self.last:
            whole.append(quarter)
            quarter = quarter_of(quarter.end, year_starts)
        return whole

    def slices(self, count: int) -> list["Period"]:
        """`count` stretches of nearly equal length, or one a day if it is shorter."""
        count = min(count, self.days)
        edges = [self.first + timedelta(days=self.days * number // count) for number in range(count + 1)]
        return [Period(a, b - DAY) for a, b in pairwise(edges)]

    def _cut(self, first: "Period", months: int) -> Iterator["Period"]:
        span = first
        while span.first <= self.last:
            yield Period(max(span.first, self.first), min(span.last, self.last))
            span = _span(span.end, months)


def month_of(day: date) -> Period:
    return _span(day.replace(day=1), 1)


def quarter_of(day: date, year_starts: int) -> Period:
    """The fiscal quarter `day` lies in; `year_starts` is the month the fiscal year begins with, 1 to 12."""
    return _span(later(day.replace(day=1), -((day.month - year_starts) % 3)), 3)


def year_of(day: date, year_starts: int) -> Period:
    return _span(later(day.replace(day=1), -((day.month - year_starts) % 12)), 12)


def quarter_number(first: date, year_starts: int) -> tuple[int, int]:
    """Fiscal year and quarter of the quarter that begins with `first`.

    A fiscal year has the name of the year its last day lies in.
    """
    year = year_of(first, year_starts)
    return year.last.year, (first.month - year_starts) % 12 // 3 + 1


def compared(period: Period, today: date) -> tuple[Period, Period]:
    """As much of `period` as has passed, and the stretch before it to compare it with.

    A period of whole months is compared with as many months before, up to the same day when it is still
    running.
    """
    now = period.until(today)
    months = _whole_months(period)
    if not months:
        before = Period(now.first - timedelta(days=now.days), now.first - DAY)
        return now, before
    first = later(period.first, -months)
    if now == period:
        return now, Period(first, period.first - DAY)
    return now, Period(first, min(first + timedelta(days=now.days - 1), period.first - DAY))


def named(name: str, today: date, year_starts: int) -> Period:
    """One of `NAMES` as days. Raises `KeyError` for another name."""
    month, quarter, year = month_of(today), quarter_of(today, year_starts), year_of(today, year_starts)
    monday = today - timedelta(days=today.weekday())
    return {
        "this-quarter": lambda: quarter,
        "last-quarter": lambda: quarter_of(quarter.first - DAY, year_starts),
        "next-quarter": lambda: quarter_of(quarter.end, year_starts),
        "this-and-next-quarter": lambda: Period(quarter.first, quarter_of(quarter.end, year_starts).last),
        "this-month": lambda: month,
        "last-month": lambda: month_of(month.first - DAY),
        "this-week": lambda: Period(monday, today),
        "since-last-monday": lambda: Period(monday - timedelta(days=7), today),
        "last-30-days": lambda: Period(today - timedelta(days=29), today),
        "last-12-months": lambda: Period(later(month.first, -11), month.last),
        "this-year": lambda: year,
        "last-year": lambda: year_of(year.first - DAY, year_starts),
    }[name]()


NAMES = (
    "this-quarter", "last-quarter", "next-quarter", "this-and-next-quarter", "this-month", "last-month",
    "this-week", "since-last-monday", "last-30-days", "last-12-months", "this-year", "last-year",
)  # fmt: skip


def later(first: date, months: int) -> date:
    """The first of the month `months` after that of `first`."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _span(first: date, months: int) -> Period:
    return Period(first, later(first, months) - DAY)


def _whole_months(period: Period) -> int:
    if period.first.day != 1 or period.end.day != 1:
        return 0
    return (period.end.year - period.first.year) * 12 + period.end.month - period.first.month
