from opportunities.reports.sheets import (
    COUNT,
    DAYS,
    MONEY,
    PERCENT,
    TEXT,
    Cell,
    Chart,
    Column,
    Panel,
    Row,
    Series,
    Sheet,
    Table,
)
from opportunities.reports.velocity import Month, Velocity
from opportunities.wording import formats
from opportunities.wording import reports as words

from .about import About


def velocity(result: Velocity, about: About) -> Sheet:
    latest = result.latest
    if latest is None:
        finding = "No deals were won in these months, so velocity cannot be calculated."
        lede = ""
    else:
        finding = f"In {words.month(latest.period)} the pipeline earned {formats.money(round(latest.velocity or 0))} a day."
        told = [month for month in result.months if month.velocity is not None and month is not latest]
        lede = ""
        if told:
            best = max(told, key=lambda month: month.velocity or 0)
            lede = f"The best month before was {words.month(best.period)}, {formats.money(round(best.velocity or 0))} a day."
    return Sheet(
        "velocity",
        finding,
        lede,
        (Panel(_table(result, about), _chart(result)),),
        hints=(
            "Velocity is deals times average value times win rate, divided by the length of the cycle: what the pipeline "
            "earns in a day. Deals are those open at some time in the month; average value, win rate and cycle (mean days "
            "from creation to win) are of the month's decisions.",
        ),
        empty=""
        if any(month.deals or month.outcome.won or month.outcome.lost for month in result.months)
        else words.NOTHING_HAPPENED,
    )


def _row(month: Month, about: About) -> Row:
    where = {"from": month.period.first, "to": month.period.last}
    won = about.links.report("overview", **where, show="won") if month.outcome.won else ""
    decided = (
        about.links.report("overview", **where, show="decided")
        if month.outcome.won + month.outcome.lost
        else ""
    )
    return Row(
        (
            Cell(words.month(month.period), about.links.report("overview", **where)),
            Cell(month.deals),
            Cell(month.outcome.won, won),
            Cell(month.outcome.average),
            Cell(month.outcome.win_rate, decided),
            Cell(month.cycle),
            Cell(None if month.velocity is None else round(month.velocity)),
        )
    )


def _table(result: Velocity, about: About) -> Table:
    return Table(
        "months",
        "The same numbers",
        (
            Column("Month", TEXT),
            Column("Deals worked on", COUNT),
            Column("Won", COUNT),
            Column("Average won", MONEY),
            Column("Win rate", PERCENT),
            Column("Cycle in days", DAYS),
            Column("Dollars a day", MONEY),
        ),
        tuple(_row(month, about) for month in result.months),
    )


def _chart(result: Velocity) -> Chart | None:
    told = [month.velocity for month in result.months if month.velocity is not None]
    if len(told) < 2:
        return None
    return Chart(
        f"Between {formats.compact(min(told))} and {formats.compact(max(told))} a day",
        "line",
        MONEY,
        "What the pipeline earned a day, by month. The table beside it has every figure.",
        (Series(6, "Dollars a day", "2"),),
    )
