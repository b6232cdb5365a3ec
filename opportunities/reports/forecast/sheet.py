"""The sheet of the forecast."""

from datetime import date

from opportunities.periods import DAY, Period
from opportunities.reports.context import SheetContext
from opportunities.reports.rows import to_dollars
from opportunities.reports.sheets import (
    MONEY,
    Cell,
    Chart,
    Column,
    Panel,
    Row,
    Series,
    Sheet,
    Table,
    build_table,
)
from opportunities.wording import formats
from opportunities.wording import reports as words

from .numbers import (
    EARLIER,
    LATER,
    OVERDUE,
    UNDATED,
    Forecast,
    ForecastRows,
    OwnerForecast,
    QuarterForecast,
    Stretch,
    calculate,
)
from .targets import target_table, write_target

# Of fewer deals due, one is always a large part.
LEAST_DUE = 5
STRETCH_COLUMNS = (
    Column.money("Won so far"),
    Column.count("Open deals"),
    Column.money("Weighted"),
    Column.money("Best case"),
)
QUARTER_COLUMNS = (
    Column.text("Quarter"),
    Column.money("Won so far"),
    Column.money("Won and weighted"),
    Column.money("9 in 10 above (P10)"),
    Column.money("Even odds (P50)"),
    Column.money("1 in 10 above (P90)"),
    Column.money("Best case"),
)
OWNER_COLUMNS = (
    Column.text("Owner"),
    Column.count("Deals due"),
    Column.money("Value"),
    Column.money("Weighted"),
    Column.money("Won so far"),
)


def build_sheet(rows: ForecastRows, context: SheetContext) -> Sheet:
    result = calculate(rows)
    current = next(
        (quarter for quarter in result.quarters if context.today in quarter.period), result.quarters[0]
    )
    stretches = _stretch_table(result, context, rows.by_quarter)
    panels = [
        Panel(stretches, _stretch_chart(result, context, rows.by_quarter)),
        Panel(_quarter_table(result, context)),
    ]
    if result.has_targets:
        panels.append(Panel(target_table(result, context)))
    if len(result.owners) > 1:
        panels.append(Panel(_owner_table(result, context)))
    return Sheet(
        "forecast",
        write_finding(current, context),
        write_lede(result, current, context),
        tuple(panels),
        hints=_hints(result, context),
        empty="" if result.open.deals or result.won.deals else words.NOTHING_OPEN,
    )


def _hints(result: Forecast, context: SheetContext) -> tuple[str, ...]:
    return (
        words.WEIGHTED,
        words.INDEPENDENT,
        *context.gap_hints(result.open),
        words.CLOSED_NOW,
        *((words.WHOLE_QUARTERS,) if result.period != context.period else ()),
    )


def write_finding(current: QuarterForecast, context: SheetContext) -> str:
    name = words.quarter(current.period.first, context.year_starts)
    if current.period.last < context.today:
        return f"{_won(current, 'was won') or 'Nothing was won'} in {name}."
    if current.period.first > context.today:
        if not current.open.deals:
            return f"Nothing is due in {name} yet."
        return f"{_due_sentence(current, f'due in {name}')}."
    won = _won(current, "is won")
    if not current.open.deals:
        return f"{won or 'Nothing is won yet'} this quarter, and nothing {'more ' if won else ''}is due."
    return f"{won or 'Nothing is won yet'} this quarter and {_due_sentence(current, 'due')}."


def _won(current: QuarterForecast, verb: str) -> str:
    """Empty where nothing is won."""
    if current.won.value or not current.won.deals:
        return f"{formats.money(current.won.value)} {verb}" if current.won.deals else ""
    plural = verb if current.won.deals == 1 else verb.replace("is", "are").replace("was", "were")
    return f"{formats.deals(current.won.deals)} without a value {plural}"


def _due_sentence(current: QuarterForecast, due: str) -> str:
    """What is due, and how sure it is, where its deals have a value and a probability."""
    deals = formats.deals(current.open.deals)
    are = "is" if current.open.deals == 1 else "are"
    if not current.open.value:
        return f"{deals} {are} {due}, without a value yet"
    if not current.open.weighted:
        return f"{deals} worth {formats.money(current.open.value)} {are} {due}, with no chance given"
    weighted = f"{formats.money(to_dollars(current.open.weighted))} weighted is {due}"
    low, high = formats.compact(current.low), formats.compact(current.high)
    if low == high:
        return f"{weighted}: likely to end at {low}"
    return f"{weighted}: 80% likely to end between {low} and {high}"


def write_lede(result: Forecast, current: QuarterForecast, context: SheetContext) -> str:
    outside = {stretch.key: stretch.open for stretch in result.outside}
    overdue, undated = outside[OVERDUE], outside[UNDATED]
    sentences = [write_target(current.target, context), _heaviest_sentence(result)]
    if overdue.deals:
        verb = "is past its" if overdue.deals == 1 else "are past their"
        sentences.append(
            f"{formats.deals(overdue.deals)}, {formats.money(overdue.value)}, "
            f"{verb} close date and not counted in any month."
        )
    if undated.deals:
        verb = "has" if undated.deals == 1 else "have"
        sentences.append(f"{formats.deals(undated.deals)} {verb} no close date.")
    return " ".join(filter(None, sentences))


def _heaviest_sentence(result: Forecast) -> str:
    """Names a deal that is a tenth of everything due, or more."""
    heaviest = result.largest[0] if result.largest else None
    if not (heaviest and heaviest.effect and result.due.weighted) or result.due.deals < LEAST_DUE:
        return ""
    share = heaviest.effect / result.due.weighted
    if share < 0.1:
        return ""
    household = f" ({heaviest.household})" if heaviest.household else ""
    name = f"{heaviest.name}{household}"
    return f"One deal, {name}, is {formats.percent(share)} of everything weighted that is due."


def _stretch_table(result: Forecast, context: SheetContext, by_quarter: bool) -> Table:
    rows = [_stretch_row(stretch, result.period, context, by_quarter) for stretch in result.rows]
    rows += [_outside_row(stretch, result.period, context) for stretch in result.outside]
    return build_table(
        "stretches",
        "The same numbers" if any(stretch.best for stretch in result.rows) else "By time",
        (Column.text("Quarter" if by_quarter else "Month"), *STRETCH_COLUMNS),
        rows,
        foot=Row(
            (
                Cell("All"),
                Cell(result.won.value),
                Cell(result.open.deals, context.link_open_deals()),
                Cell(to_dollars(result.open.weighted)),
                Cell(result.won.value + result.open.value),
            )
        ),
    )


def _stretch_row(stretch: Stretch, period: Period, context: SheetContext, by_quarter: bool) -> Row:
    days = stretch.period or period
    link = won = ""
    if stretch.open.deals:
        link = context.link_open_deals(close=f"{max(days.first, context.today)}..{days.last}")
    if stretch.won.deals:
        won = context.links.report("overview", **{"from": days.first, "to": days.last, "show": "won"})
    return Row(
        (
            Cell(_stretch_name(stretch, context, by_quarter), link),
            Cell(stretch.won.value, won),
            Cell(stretch.open.deals, link),
            Cell(to_dollars(stretch.open.weighted)),
            Cell(stretch.best),
        )
    )


def _outside_row(stretch: Stretch, period: Period, context: SheetContext) -> Row:
    link = context.link_open_deals(**_selection_outside(stretch.key, period, context.today))
    return Row(
        (
            Cell(words.OUTSIDE_PERIOD[stretch.key], link),
            Cell(None),
            Cell(stretch.open.deals, link),
            Cell(to_dollars(stretch.open.weighted)),
            Cell(stretch.best),
        ),
        tone="dim",
    )


def _stretch_name(stretch: Stretch, context: SheetContext, by_quarter: bool) -> str:
    if stretch.period is None:
        return words.OUTSIDE_PERIOD[stretch.key]
    if by_quarter:
        return words.quarter(stretch.period.first, context.year_starts)
    return words.month(stretch.period)


def _selection_outside(key: str, period: Period, today: date) -> dict[str, object]:
    """The deals outside of `period`: the one they were counted by, rounded out to whole quarters."""
    selections: dict[str, dict[str, object]] = {
        OVERDUE: {"close": "overdue"},
        UNDATED: {"missing": "date"},
        EARLIER: {"close": f"{today}..{period.first - DAY}"},
        LATER: {"close": f"{period.end}.."},
    }
    return selections[key]


def _stretch_chart(result: Forecast, context: SheetContext, by_quarter: bool) -> Chart | None:
    if not any(stretch.best for stretch in result.rows):
        return None
    highest = max(result.rows, key=lambda stretch: stretch.expected)
    name = _stretch_name(highest, context, by_quarter)
    amount = formats.compact(highest.expected / 100)
    is_over = result.period.last < context.today
    return Chart(
        f"{name} was strongest: {amount} won"
        if is_over
        else f"{name} is strongest: {amount} won and weighted",
        "stacked",
        MONEY,
        f"Won and weighted value by {'quarter' if by_quarter else 'month'} of target close. "
        f"{name} is highest with {amount}; the table beside it has every figure.",
        (
            Series(1, "Won so far", "won"),
            Series(3, "Weighted", "2"),
            Series(4, "Best case: all of it won", "outline"),
        ),
    )


def _quarter_table(result: Forecast, context: SheetContext) -> Table:
    """The column of targets is there only where somebody has one."""
    target = (Column.money("Target"),) if result.has_targets else ()
    return build_table(
        "quarters",
        "How sure we are",
        (*QUARTER_COLUMNS, *target),
        (_quarter_row(quarter, context, result.has_targets) for quarter in result.quarters),
        note="What the quarter may end with: won so far plus what its open deals bring",
    )


def _quarter_row(quarter: QuarterForecast, context: SheetContext, has_targets: bool) -> Row:
    method = ""
    if quarter.spread:
        within = formats.compact(quarter.spread.within)
        method = words.METHODS[quarter.spread.method].format(within=within)
    return Row(
        (
            Cell(words.quarter(quarter.period.first, context.year_starts), sub=method),
            Cell(quarter.won.value),
            Cell(quarter.won.value + to_dollars(quarter.open.weighted)),
            Cell(quarter.low),
            Cell(quarter.middle),
            Cell(quarter.high),
            Cell(quarter.won.value + quarter.open.value),
            *((Cell(quarter.target.target if quarter.target else None),) if has_targets else ()),
        )
    )


def _owner_table(result: Forecast, context: SheetContext) -> Table:
    return build_table(
        "owners",
        "By owner",
        OWNER_COLUMNS,
        (_owner_row(owner, result, context) for owner in result.owners),
        note=context.span(result.period),
    )


def _owner_row(owner: OwnerForecast, result: Forecast, context: SheetContext) -> Row:
    owner_filter = owner.owner or "none"
    days = f"{max(result.period.first, context.today)}..{result.period.last}"
    won = context.links.report("overview", owner=owner_filter, show="won") if owner.won.deals else ""
    return Row(
        (
            Cell(context.owner_name(owner.owner), context.links.report("forecast", owner=owner_filter)),
            Cell(owner.open.deals, context.link_open_deals(owner=owner_filter, close=days)),
            Cell(owner.open.value),
            Cell(to_dollars(owner.open.weighted)),
            Cell(owner.won.value, won),
        )
    )
