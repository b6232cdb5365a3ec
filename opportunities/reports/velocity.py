"""How fast the pipeline turns into money: (deals x average value x win rate) / cycle length, by month."""

from collections.abc import Sequence
from dataclasses import dataclass

from opportunities.periods import Period
from opportunities.wording import formats
from opportunities.wording import reports as words

from .context import SheetContext
from .measures import whole
from .overview import PeriodOutcome, add_closings
from .rows import Closing
from .sheets import MONEY, Cell, Chart, Column, Panel, Row, Series, Sheet, build_table

# With fewer decisions in a month, the ratio says more of chance than of the pipeline.
LEAST_DECIDED = 10
COLUMNS = (
    Column.text("Month"),
    Column.count("Deals worked on"),
    Column.count("Won"),
    Column.money("Average won"),
    Column.percent("Win rate"),
    Column.days("Cycle in days"),
    Column.money("Dollars a day"),
)
HINT = (
    "Velocity is deals times average value times win rate, divided by the length of the cycle: what the "
    "pipeline "
    "earns in a day. Deals are those open at some time in the month; average value, win rate and cycle "
    "(mean days "
    "from creation to win) are of the month's decisions."
)


@dataclass(frozen=True)
class VelocityRows:
    """`worked` counts, for each month, the deals that were open at some time in it."""

    months: Sequence[Period]
    worked: Sequence[int]
    closings: Sequence[Closing]


@dataclass(frozen=True)
class VelocityMonth:
    """`deals` were open at some time in the month; `outcome` is what was decided in it."""

    period: Period
    deals: int
    outcome: PeriodOutcome

    @property
    def velocity(self) -> float | None:
        """The ratio, where it rests on enough decisions to be told."""
        return self.ratio if self.outcome.decided >= LEAST_DECIDED else None

    @property
    def ratio(self) -> float | None:
        """Dollars a day; None without a win, or where no win has a value, or a date of creation."""
        cycle, average, rate = self.outcome.cycle, self.outcome.average, self.outcome.win_rate
        if cycle is None or average is None or rate is None:
            return None
        # Created and won on one day is a cycle of one day, not of none.
        return self.deals * average * rate / max(cycle, 1.0)


@dataclass(frozen=True)
class Velocity:
    months: tuple[VelocityMonth, ...]

    @property
    def measured(self) -> list[tuple[VelocityMonth, float]]:
        """The months that have a velocity, with it."""
        velocities = ((month, month.velocity) for month in self.months)
        return [(month, velocity) for month, velocity in velocities if velocity is not None]

    @property
    def is_empty(self) -> bool:
        return not any(month.deals or month.outcome.decided for month in self.months)


def calculate(rows: VelocityRows) -> Velocity:
    counted = enumerate(zip(rows.months, rows.worked, strict=True))
    return Velocity(
        tuple(
            VelocityMonth(period, deals, add_closings(row for row in rows.closings if row.bucket == number))
            for number, (period, deals) in counted
        )
    )


def build_sheet(rows: VelocityRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    chart = _velocity_chart(result)
    title = "The same numbers" if chart else "By month"
    table = build_table("months", title, COLUMNS, (_month_row(month, context) for month in result.months))
    return Sheet(
        "velocity",
        write_finding(result),
        write_lede(result),
        (Panel(table, chart),),
        hints=(HINT, words.CLOSED_NOW),
        empty=_why_empty(result),
    )


def _why_empty(result: Velocity) -> str:
    if not result.months:
        return words.NOT_BEGUN
    return words.NOTHING_HAPPENED if result.is_empty else ""


def write_finding(result: Velocity) -> str:
    if not result.measured:
        return f"No month has {LEAST_DECIDED} decisions and a win, so velocity would be chance alone."
    month, velocity = result.measured[-1]
    rests = formats.deals(month.outcome.decided)
    name, money = words.month(month.period), formats.money(whole(velocity))
    pace = f"At the pace of {name}, the pipeline would yield {money} a day"
    return f"{pace}: a ratio that rests on {rests} decided."


def write_lede(result: Velocity) -> str:
    if len(result.measured) < 2:
        return ""
    month, velocity = max(result.measured[:-1], key=lambda measured: measured[1])
    return f"The best month before was {words.month(month.period)}, {formats.money(whole(velocity))} a day."


def _month_row(month: VelocityMonth, context: SheetContext) -> Row:
    days = {"from": month.period.first, "to": month.period.last}
    outcome = month.outcome

    def show(key: str, deals: int) -> str:
        return context.links.report("overview", **days, show=key) if deals else ""

    return Row(
        (
            Cell(words.month(month.period), context.links.report("overview", **days)),
            Cell(month.deals),
            Cell(outcome.won, show("won", outcome.won)),
            Cell(outcome.average, sub=words.of_valued(outcome.valued_won, outcome.valueless_won)),
            Cell(outcome.win_rate, show("decided", outcome.decided)),
            Cell(None if outcome.cycle is None else whole(outcome.cycle)),
            Cell(None if month.velocity is None else whole(month.velocity)),
        )
    )


def _velocity_chart(result: Velocity) -> Chart | None:
    velocities = [velocity for _, velocity in result.measured]
    if len(velocities) < 2:
        return None
    lowest, highest = formats.compact(min(velocities)), formats.compact(max(velocities))
    return Chart(
        f"Between {lowest} and {highest} a day",
        "line",
        MONEY,
        "Velocity in dollars a day, by month. The table beside it has every figure.",
        (Series(6, "Dollars a day", "2"),),
    )
