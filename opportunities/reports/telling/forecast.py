from datetime import date

from opportunities.periods import DAY, Period
from opportunities.reports.forecast import EARLIER, LATER, OVERDUE, UNDATED, Forecast, Quarter, Stretch
from opportunities.reports.rows import dollars
from opportunities.reports.sheets import (
    COUNT,
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
from opportunities.wording import formats
from opportunities.wording import reports as words

from .about import About


def forecast(result: Forecast, about: About, *, by_quarter: bool = False) -> Sheet:
    here = next((each for each in result.quarters if about.today in each.period), result.quarters[0])
    hints = (words.WEIGHTED, words.INDEPENDENT, *about.gaps(result.open), *about.history())
    if about.known_from and about.known_from > result.period.first:
        hints += (words.FOUND_CLOSED.format(day=about.day(about.known_from)),)
    if result.period != about.period:
        hints += (words.SNAPPED,)
    # A column of targets only where somebody has one: an empty one says nothing.
    targets = [*(each.target for each in result.quarters), *(each.target for each in result.owners)]
    aimed = any(target is not None for target in targets)
    panels = [
        Panel(_stretches(result, about, by_quarter), _chart(result, about, by_quarter)),
        Panel(_quarters(result, about, aimed)),
    ]
    if len(result.owners) > 1 or any(each.target for each in result.owners):
        panels.append(Panel(_owners(result, about, aimed)))
    empty = "" if result.open.deals or result.won.deals else words.NOTHING_OPEN
    return Sheet(
        "forecast", _finding(here, about), _lede(result, here), tuple(panels), hints=hints, empty=empty
    )


def _finding(here: Quarter, about: About) -> str:
    name = (
        "this quarter"
        if about.today in here.period
        else f"in {words.quarter(here.period.first, about.year_starts)}"
    )
    due = formats.money(dollars(here.open.weighted))
    if not here.open.deals:
        return f"{formats.money(here.won.value)} is won {name}, and nothing more is due."
    sure = f"80% likely to end between {formats.compact(here.low)} and {formats.compact(here.high)}."
    return f"{formats.money(here.won.value)} is won {name} and {due} weighted is due: {sure}"


def _lede(result: Forecast, here: Quarter) -> str:
    said = []
    if here.target:
        rest = here.target - here.won.value
        said.append(
            f"The target is {formats.money(here.target)}; "
            + (f"{formats.money(rest)} is still to be won." if rest > 0 else "it has been reached.")
        )
    heaviest = result.largest[0] if result.largest else None
    if heaviest and heaviest.effect and result.due.weighted:
        share = heaviest.effect / result.due.weighted
        if share >= 0.1:
            where = f" ({heaviest.household})" if heaviest.household else ""
            said.append(
                f"One deal, {heaviest.name}{where}, is {formats.percent(share)} of everything weighted that is due."
            )
    apart = {each.key: each for each in result.apart}
    overdue, undated = apart[OVERDUE].open, apart[UNDATED].open
    if overdue.deals:
        said.append(
            f"{formats.deals(overdue.deals)}, {formats.money(overdue.value)}, "
            f"{'is past its' if overdue.deals == 1 else 'are past their'} close date and not counted in any month."
        )
    if undated.deals:
        said.append(
            f"{formats.deals(undated.deals)} {'has' if undated.deals == 1 else 'have'} no close date."
        )
    return " ".join(said)


def _stretches(result: Forecast, about: About, by_quarter: bool) -> Table:
    rows = [_stretch(each, result.period, about, by_quarter) for each in result.rows]
    rows += [_stretch(each, result.period, about, by_quarter, tone="dim") for each in result.apart]
    return Table(
        "stretches",
        "The same numbers",
        (
            Column("Quarter" if by_quarter else "Month", TEXT),
            Column("Won so far", MONEY),
            Column("Open deals", COUNT),
            Column("Weighted", MONEY),
            Column("Best case", MONEY),
        ),
        tuple(rows),
        Row(
            (
                Cell("All"),
                Cell(result.won.value),
                Cell(result.open.deals, about.open_deals()),
                Cell(dollars(result.open.weighted)),
                Cell(result.won.value + result.open.value),
            )
        ),
    )


def _stretch(each: Stretch, period: Period, about: About, by_quarter: bool, tone: str = "") -> Row:
    if each.period is None:
        name = _name(each, about, by_quarter)
        link = about.open_deals(**_apart(each.key, period, about.today))
        won = ""
    else:
        name = _name(each, about, by_quarter)
        first = max(each.period.first, about.today)
        link = about.open_deals(close=f"{first}..{each.period.last}") if each.open.deals else ""
        won = about.links.report(
            "overview", **{"from": each.period.first, "to": each.period.last, "show": "won"}
        )
    return Row(
        (
            Cell(name, link),
            Cell(each.won.value if each.period else None, won if each.won.deals else ""),
            Cell(each.open.deals, link),
            Cell(dollars(each.open.weighted)),
            Cell(each.best),
        ),
        tone=tone,
    )


def _name(each: Stretch, about: About, by_quarter: bool) -> str:
    if each.period is None:
        return words.APART[each.key]
    return words.quarter(each.period.first, about.year_starts) if by_quarter else words.month(each.period)


def _apart(key: str, period: Period, today: date) -> dict[str, object]:
    """The deals outside of `period`, which is the one they were counted by, rounded out to whole quarters."""
    found: dict[str, dict[str, object]] = {
        OVERDUE: {"close": "overdue"},
        UNDATED: {"missing": "date"},
        EARLIER: {"close": f"{today}..{period.first - DAY}"},
        LATER: {"close": f"{period.end}.."},
    }
    return found[key]


def _chart(result: Forecast, about: About, by_quarter: bool) -> Chart | None:
    if not any(each.best for each in result.rows):
        return None
    tallest = max(result.rows, key=lambda each: each.expected)
    name = _name(tallest, about, by_quarter)
    sentence = (
        f"Won and weighted value by {'quarter' if by_quarter else 'month'} of target close. {name} is highest with "
        f"{formats.compact(tallest.expected / 100)}; the table beside it has every figure."
    )
    title = f"{name} is strongest: {formats.compact(tallest.expected / 100)} won and weighted"
    return Chart(
        title,
        "stacked",
        MONEY,
        sentence,
        (
            Series(1, "Won so far", "won"),
            Series(3, "Weighted", "2"),
            Series(4, "Best case: all of it won", "outline"),
        ),
    )


def _quarters(result: Forecast, about: About, aimed: bool) -> Table:
    rows = []
    for each in result.quarters:
        spread = each.spread
        sub = ""
        if spread:
            sub = words.METHODS[spread.method].format(within=formats.compact(spread.within))
        rows.append(
            Row(
                (
                    Cell(words.quarter(each.period.first, about.year_starts), sub=sub),
                    Cell(each.won.value),
                    Cell(each.won.value + dollars(each.open.weighted)),
                    Cell(each.low),
                    Cell(each.middle),
                    Cell(each.high),
                    Cell(each.won.value + each.open.value),
                    *((Cell(each.target),) if aimed else ()),
                )
            )
        )
    return Table(
        "quarters",
        "How sure we are",
        (
            Column("Quarter", TEXT),
            Column("Won so far", MONEY),
            Column("Won and weighted", MONEY),
            Column("9 in 10 above (P10)", MONEY),
            Column("Even odds (P50)", MONEY),
            Column("1 in 10 above (P90)", MONEY),
            Column("Best case", MONEY),
            *((Column("Target", MONEY),) if aimed else ()),
        ),
        tuple(rows),
        note="What the quarter may end with: won so far plus what its open deals bring",
    )


def _owners(result: Forecast, about: About, aimed: bool) -> Table:
    rows = tuple(
        Row(
            (
                Cell(about.owner(each.owner), about.links.report("forecast", owner=each.owner or "none")),
                Cell(
                    each.open.deals,
                    about.open_deals(owner=each.owner or "none", close=_window(result, about)),
                ),
                Cell(each.open.value),
                Cell(dollars(each.open.weighted)),
                Cell(
                    each.won.value,
                    about.links.report("overview", owner=each.owner or "none", show="won")
                    if each.won.deals
                    else "",
                ),
                *((Cell(each.target), Cell(each.reached)) if aimed else ()),
            )
        )
        for each in result.owners
    )
    return Table(
        "owners",
        "By owner",
        (
            Column("Owner", TEXT),
            Column("Deals due", COUNT),
            Column("Value", MONEY),
            Column("Weighted", MONEY),
            Column("Won so far", MONEY),
            *((Column("Target", MONEY), Column("Target reached", PERCENT)) if aimed else ()),
        ),
        rows,
        note=about.span(result.period),
    )


def _window(result: Forecast, about: About) -> str:
    return f"{max(result.period.first, about.today)}..{result.period.last}"
